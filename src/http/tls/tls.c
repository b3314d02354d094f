/* tls.c - see tls.h. It keeps the current set of credentials, and counts the holders of each
 * set. */
#include "http/tls/tls.h"

#include <microhttpd.h>
#include <stdlib.h>

#include "base/sync.h"
#include "http/tls/tls_set.h"

/* The versions and ciphers that GnuTLS may use. Two parts of TLS 1.2 are left out: the CBC ciphers,
 * which are not AEAD, and the key exchange by RSA, which has no forward secrecy. */
const char tls_priorities[] = "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-MAC-ALL:+AEAD:"
                              "%SERVER_PRECEDENCE";

struct http_tls {
    struct http_tls_files files;
    struct mutex mu; /* a leaf lock */
    struct tls_set *current GUARDED_VAR;
};

static bool library_can(struct err *err)
{
    if (MHD_is_feature_supported(MHD_FEATURE_TLS) == MHD_YES &&
        MHD_is_feature_supported(MHD_FEATURE_HTTPS_CERT_CALLBACK2) == MHD_YES)
        return true;
    err_set(err, 0, "TLS_CERT_FILE is set, but this libmicrohttpd (%s) was built without TLS",
            MHD_get_version());
    return false;
}

/* Makes `fresh` the current set. Returns the set that was current before. */
static struct tls_set *exchange(struct http_tls *tls, struct tls_set *fresh)
{
    mutex_lock(&tls->mu);
    struct tls_set *old = tls->current;
    tls->current = fresh;
    mutex_unlock(&tls->mu);
    return old;
}

struct http_tls *http_tls_open(const struct http_tls_files *files, struct err *err)
{
    if (!library_can(err))
        return NULL;
    struct http_tls *tls = calloc(1, sizeof *tls);
    struct tls_set *set = NULL;
    if (tls == NULL)
        err_set(err, ERR_RETRYABLE, "out of memory");
    else
        set = tls_set_new(files, err);
    if (set == NULL) {
        free(tls);
        return NULL;
    }
    tls->files = *files;
    mutex_init(&tls->mu);
    (void)exchange(tls, set);
    return tls;
}

struct tls_set *tls_hold(struct http_tls *tls)
{
    mutex_lock(&tls->mu);
    struct tls_set *set = tls->current;
    set->holders++;
    mutex_unlock(&tls->mu);
    return set;
}

void tls_release(struct http_tls *tls, struct tls_set *set)
{
    mutex_lock(&tls->mu);
    bool last = --set->holders == 0;
    mutex_unlock(&tls->mu);
    if (last)
        tls_set_free(set);
}

bool http_tls_reload(struct http_tls *tls, struct err *err)
{
    struct tls_set *fresh = tls_set_new(&tls->files, err);
    if (fresh == NULL)
        return false;
    tls_release(tls, exchange(tls, fresh));
    return true;
}

void http_tls_info(struct http_tls *tls, struct http_tls_info *info)
{
    struct tls_set *set = tls_hold(tls);
    *info = set->info;
    tls_release(tls, set);
}

void http_tls_close(struct http_tls **tls_inout)
{
    struct http_tls *tls = *tls_inout;
    if (tls == NULL)
        return;
    *tls_inout = NULL;
    tls_release(tls, exchange(tls, NULL));
    mutex_fini(&tls->mu);
    free(tls);
}

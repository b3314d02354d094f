/* transport.c - see transport.h. */
#include "http/tls/transport.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <microhttpd.h>

#include "base/buf.h"
#include "http/conn.h"
#include "http/loop.h"
#include "http/server.h"
#include "http/tls/tls_set.h"

/* A message of the handshake, such as a chain of certificates, is kept with the session. */
enum { CHAIN_MAX = 16, HANDSHAKE_MAX_BYTES = 24 * 1024 };

static struct http_tls *tls_of(const struct conn *conn)
{
    return conn->loop->server->options.tls;
}

static bool is_open(const struct conn_tls *tls)
{
    return tls->session != NULL && tls->finished_in && tls->finished_out;
}

/* ---- life ---- */

/* Each side ends its part of the handshake by a Finished; who is last depends on the version. */
static int on_finished(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
                       const gnutls_datum_t *message)
{
    (void)type;
    (void)when;
    (void)message;
    struct conn *conn = gnutls_session_get_ptr(session);
    struct conn_tls *tls = &conn->tls;
    if (incoming != 0)
        tls->finished_in = true;
    else
        tls->finished_out = true;
    if (is_open(tls) && conn->phase == CONN_HANDSHAKE)
        conn_enter(conn, CONN_IDLE);
    return 0;
}

bool conn_tls_begin(struct conn *conn, struct MHD_Connection *mhd)
{
    if (tls_of(conn) == NULL)
        return true;
    gnutls_session_t session =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session;
    struct conn_tls *tls = &conn->tls;
    tls->session = session;
    tls->set = tls_hold(tls_of(conn));
    gnutls_session_set_ptr(session, conn);
    gnutls_handshake_set_max_packet_length(session, HANDSHAKE_MAX_BYTES);
    gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_FINISHED, GNUTLS_HOOK_POST,
                                       on_finished);
    if (tls->set->info.client_authorities > 0)
        gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);
    conn_enter(conn, CONN_HANDSHAKE);
    return gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, tls->set->credentials) == 0;
}

void conn_tls_end(struct conn *conn)
{
    if (conn->tls.session == NULL)
        return;
    if (!is_open(&conn->tls))
        atomic_fetch_add_explicit(&conn->loop->server->handshakes_failed, 1, memory_order_relaxed);
    gnutls_credentials_clear(conn->tls.session); /* it outlives our hold on them */
    tls_release(tls_of(conn), conn->tls.set);
}

/* ---- the client's certificate ---- */

static const char *reason_of(unsigned status)
{
    /* clang-format off */
    static const struct {
        unsigned bit;
        const char *text;
    } rows[] = {
        { GNUTLS_CERT_EXPIRED,
          "The client certificate, or one that vouches for it, has expired." },
        { GNUTLS_CERT_NOT_ACTIVATED,
          "The client certificate, or one that vouches for it, is not valid yet." },
        { GNUTLS_CERT_SIGNER_NOT_FOUND,
          "No authority that this server accepts vouches for the client certificate." },
        { GNUTLS_CERT_SIGNER_NOT_CA,
          "The client certificate is signed by one that may not sign certificates." },
        { GNUTLS_CERT_PURPOSE_MISMATCH,
          "The client certificate is not meant for clients (extended key usage clientAuth)." },
        { GNUTLS_CERT_INSECURE_ALGORITHM,
          "The client certificate uses an algorithm or a key that is too weak." },
    };
    /* clang-format on */
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if ((status & rows[i].bit) != 0)
            return rows[i].text;
    return "The client certificate cannot be verified.";
}

/* True when the authorities vouch for the chain; else *status says why not. */
static bool vouched_for(gnutls_x509_trust_list_t authorities, gnutls_x509_crt_t *chain, unsigned n,
                        unsigned *status)
{
    unsigned char purpose[] = GNUTLS_KP_TLS_WWW_CLIENT;
    gnutls_typed_vdata_st wanted = { .type = GNUTLS_DT_KEY_PURPOSE_OID, .data = purpose };
    int rc = gnutls_x509_trust_list_verify_crt2(authorities, chain, n, &wanted, 1,
                                                GNUTLS_PROFILE_TO_VFLAGS(GNUTLS_PROFILE_MEDIUM),
                                                status, NULL);
    return rc == 0 && *status == 0;
}

static enum reject_reason judge_chain(const struct tls_set *set, const gnutls_datum_t *shown,
                                      unsigned n_shown, const char **why)
{
    gnutls_x509_trust_list_t authorities;
    gnutls_x509_crt_t chain[CHAIN_MAX];
    unsigned n = 0, status = GNUTLS_CERT_INVALID;
    bool read = n_shown <= CHAIN_MAX;
    while (read && n < n_shown) {
        read = gnutls_x509_crt_init(&chain[n]) == 0;
        if (!read)
            break;
        read = gnutls_x509_crt_import(chain[n], &shown[n], GNUTLS_X509_FMT_DER) == 0;
        n++;
    }
    gnutls_certificate_get_trust_list(set->credentials, &authorities);
    bool good = read && vouched_for(authorities, chain, n, &status);
    while (n > 0)
        gnutls_x509_crt_deinit(chain[--n]);
    if (good)
        return REJECT_NONE;
    *why = reason_of(status);
    return REJECT_CLIENT_CERTIFICATE;
}

static enum reject_reason judge_by(const struct tls_set *set, gnutls_session_t session,
                                   const char **why)
{
    unsigned n = 0;
    if (set->info.client_authorities == 0)
        return REJECT_NONE;
    const gnutls_datum_t *shown = gnutls_certificate_get_peers(session, &n);
    if (shown == NULL || n == 0)
        return REJECT_NO_CLIENT_CERTIFICATE;
    return judge_chain(set, shown, n, why);
}

enum reject_reason conn_tls_judge(struct conn *conn, const char **why)
{
    if (conn->tls.session == NULL || conn->tls.client_good)
        return REJECT_NONE;
    struct tls_set *set = tls_hold(tls_of(conn));
    enum reject_reason reason = judge_by(set, conn->tls.session, why);
    tls_release(tls_of(conn), set);
    conn->tls.client_good = reason == REJECT_NONE;
    return reason;
}

/* ---- the end ---- */

bool conn_tls_has_unread(const struct conn *conn)
{
    return conn->tls.session != NULL && gnutls_record_check_pending(conn->tls.session) > 0;
}

void conn_tls_last_words(struct conn *conn, const struct buf *head, const struct buf *body)
{
    gnutls_session_t session = conn->tls.session;
    if (!is_open(&conn->tls))
        return;
    gnutls_record_cork(session); /* one record, taken whole or not at all */
    (void)gnutls_record_send(session, head->data, head->len);
    (void)gnutls_record_send(session, body->data, body->len);
    (void)gnutls_record_uncork(session, 0);
    conn_tls_bye(conn);
}

void conn_tls_bye(struct conn *conn)
{
    if (is_open(&conn->tls))
        (void)gnutls_bye(conn->tls.session, GNUTLS_SHUT_WR);
}

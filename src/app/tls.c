/* tls.c - see tls.h. */
#include "app/tls.h"

#include "app/options.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/rfc3339.h"
#include "http/tls/tls.h"

bool tls_open(const struct options *options, struct http_tls **tls, struct err *err)
{
    const struct http_tls_files files = {
        .cert_file = options->tls.cert_file,
        .key_file = options->tls.key_file,
        .client_ca_file = options->tls.client_ca_file,
    };
    if (options->tls.cert_file[0] == '\0')
        return true;
    *tls = http_tls_open(&files, err);
    return *tls != NULL;
}

static void warn_of_dates(const struct http_tls_info *info, const char *not_after)
{
    int64_t now_us = clock_wall_us();
    if (info->not_after_us <= now_us)
        log_event(LOG_WARN, "tls.expired", log_str("subject", info->subject),
                  log_str("not_after", not_after));
    else if (info->not_before_us > now_us)
        log_event(LOG_WARN, "tls.not_valid_yet", log_str("subject", info->subject));
}

void tls_report(struct http_tls *tls, const char *event)
{
    struct http_tls_info info;
    char not_after[RFC3339_SIZE];
    if (tls == NULL)
        return;
    http_tls_info(tls, &info);
    rfc3339_format_us(info.not_after_us, not_after);
    log_event(LOG_INFO, event, log_str("subject", info.subject), log_str("serial", info.serial),
              log_str("not_after", not_after),
              log_int("client_authorities", info.client_authorities));
    warn_of_dates(&info, not_after);
}

void tls_reload(struct http_tls *tls)
{
    struct err err = { 0 };
    if (tls == NULL)
        return;
    if (http_tls_reload(tls, &err))
        tls_report(tls, "tls.reloaded");
    else
        log_event(LOG_ERROR, "tls.reload_failed", log_str("error", err.text));
}

/* tls.h - the TLS files of the configuration: opens them at start, reads them again on SIGHUP, and
 * logs the results. Main thread only. */
#ifndef APP_TLS_H
#define APP_TLS_H

#include <stdbool.h>

#include "base/attr.h"

struct err;
struct http_tls;
struct options;

/* Opens the TLS files. If TLS_CERT_FILE is not set, *tls stays NULL. On failure, *err names the
 * option and the file. The options are borrowed until *tls is closed. */
bool tls_open(const struct options *options, struct http_tls **tls, struct err *err) MUST_CHECK;

/* Logs which certificate is in use, and warns if it is expired or not valid yet. No-op without
 * TLS. */
void tls_report(struct http_tls *tls, const char *event);

/* Reads the files again. If one of them is wrong, logs the error and keeps the old contents of all.
 * No-op without TLS. */
void tls_reload(struct http_tls *tls);

#endif

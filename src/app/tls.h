/* tls.h - the TLS files of the configuration: opened at start, read again on SIGHUP, and what the
 * log hears about them. The main thread. */
#ifndef APP_TLS_H
#define APP_TLS_H

#include <stdbool.h>

#include "base/attr.h"

struct err;
struct http_tls;
struct options;

/* *tls stays NULL where TLS_CERT_FILE is not set. False: *err names the option and the file. The
 * options are borrowed for as long as *tls lives. */
bool tls_open(const struct options *options, struct http_tls **tls, struct err *err) MUST_CHECK;

/* Logs which certificate is in use, and warns of one that has expired. A no-op without TLS. */
void tls_report(struct http_tls *tls, const char *event);

/* A no-op without TLS. What is wrong with a file is logged, and all stays as it was. */
void tls_reload(struct http_tls *tls);

#endif

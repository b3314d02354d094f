/* mhd.h - which libmicrohttpd the tests run with, for tests that send malformed HTTP.
 *
 * 0.9.75 (Debian 12) passes most malformed requests to the service, which answers them with a
 * problem document. From 0.9.77 on (Debian 13 has 1.0.1), libmicrohttpd rejects them itself: with a
 * 400 and a body of its own, or by closing the connection. api/openapi.yaml promises no problem
 * document for these requests. Any thread. */
#ifndef SUPPORT_MHD_H
#define SUPPORT_MHD_H

#include <stdbool.h>

#include "base/attr.h"

/* Returns true if this libmicrohttpd rejects malformed requests by itself. */
bool mhd_refuses_malformed(void) MUST_CHECK;

/* Returns true if libmicrohttpd, and not the service, made the answer that begins with `head`.
 * Every answer of the service has X-Request-Id. Always false if libmicrohttpd does not reject by
 * itself. */
bool mhd_answered(const char *head) MUST_CHECK;

#endif

/* mhd.h - which libmicrohttpd the tests run with, for those that send what is no HTTP.
 *
 * 0.9.75 (Debian 12) shows the service most malformed requests, and the service answers them with a
 * problem document. From 0.9.77 on (Debian 13 has 1.0.1) libmicrohttpd refuses them before the
 * service sees them: with a 400 and a body of its own, or by closing the connection. Both are
 * refusals; api/openapi.yaml promises a problem document for neither. Any thread. */
#ifndef SUPPORT_MHD_H
#define SUPPORT_MHD_H

#include <stdbool.h>

#include "base/attr.h"

/* Does this libmicrohttpd refuse malformed requests by itself? */
bool mhd_refuses_malformed(void) MUST_CHECK;

/* Did this libmicrohttpd, and not the service, make the answer whose head (or more) this is? Every
 * answer of the service has X-Request-Id. Always false where it does not refuse by itself. */
bool mhd_answered(const char *head) MUST_CHECK;

#endif

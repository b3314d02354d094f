/* target.h - checks the request target as the client wrote it (RFC 9112, 3.2). Internal to http.
 *
 * libmicrohttpd gives the handler an unescaped path, in which %00 ends the path early and %2F adds
 * a segment. So a proxy that guards a path would see another path than we do. Therefore the target
 * is checked before it is unescaped. */
#ifndef HTTP_MESSAGE_TARGET_H
#define HTTP_MESSAGE_TARGET_H

#include "base/attr.h"

/* Returns NULL if the target is valid. Otherwise returns a sentence for the client that says what
 * is wrong. */
const char *target_fault(const char *target) MUST_CHECK;

/* Returns the path of `target`, without a leading "http://host". `target` must have no query. */
const char *target_path(const char *target) MUST_CHECK;

#endif

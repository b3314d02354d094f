/* target.h - inside of the layer: the request target as the client wrote it (RFC 9112, 3.2).
 *
 * libmicrohttpd gives us the path unescaped: %00 ends it early and %2F adds a segment, so a proxy
 * that guards a path sees another path. So the target is checked before it is unescaped. */
#ifndef HTTP_MESSAGE_TARGET_H
#define HTTP_MESSAGE_TARGET_H

#include "base/attr.h"

/* NULL, or what is wrong, as a sentence for the client. */
const char *target_fault(const char *target) MUST_CHECK;

/* The path of a target without its query: a leading "http://host" is left out. */
const char *target_path(const char *target) MUST_CHECK;

#endif

/* target.h - inside of the layer: the request target as the client wrote it (RFC 9112, 3.2).
 *
 * libmicrohttpd gives us the path unescaped. There %00 ends the path early and %2F adds a segment,
 * so a proxy that guards a path sees another path than we do. Therefore the target is checked
 * before it is unescaped. */
#ifndef HTTP_MESSAGE_TARGET_H
#define HTTP_MESSAGE_TARGET_H

#include "base/attr.h"

/* Returns NULL if the target is good. Otherwise returns a sentence for the client that says what is
 * wrong. */
const char *target_fault(const char *target) MUST_CHECK;

/* Returns the path of a target that has no query: a leading "http://host" is left out. */
const char *target_path(const char *target) MUST_CHECK;

#endif

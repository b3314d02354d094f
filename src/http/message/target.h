/* target.h - inside of the layer: the request target as the client wrote it (RFC 9112, 3.2).
 *
 * libmicrohttpd hands the path out unescaped: %00 ends it early and %2F adds a segment, and whoever
 * guards a path in front of us saw another one. So the target is checked before it is unescaped. */
#ifndef HTTP_MESSAGE_TARGET_H
#define HTTP_MESSAGE_TARGET_H

#include "base/attr.h"

/* NULL, or what is wrong, as a sentence for the client. */
const char *target_fault(const char *target) MUST_CHECK;

/* The path of a target without its query: behind "http://host" where that stands before it. */
const char *target_path(const char *target) MUST_CHECK;

#endif

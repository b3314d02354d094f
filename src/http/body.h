/* body.h - inside of the layer: takes the body of a request in, within the limits of the request
 * and of the server, or throws it away. The loop's thread only. */
#ifndef HTTP_BODY_H
#define HTTP_BODY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct http_request;

enum { BODY_DISCARD_MAX = 16 * 1024 * 1024 };

/* The next piece. May refuse the request (req->refusal) and read on. False when it is not worth
 * reading on: more than BODY_DISCARD_MAX were thrown away. */
bool body_add(struct http_request *req, const char *piece, size_t len) MUST_CHECK;

void body_fini(struct http_request *req);

#endif

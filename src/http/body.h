/* body.h - inside of the layer: stores the body of a request, within the limits of the request and
 * of the server, or throws it away.
 *
 * A request that is rejected for its headers is answered only after its body has been read and
 * thrown away. Otherwise a client that is still sending would see a broken pipe instead of the
 * answer. BODY_DISCARD_MAX bounds the bytes that are read and thrown away. BODY_DISCARD_NS bounds
 * the time, which counts from the beginning of the request (begun_at_ns in request.h, when its
 * headers were complete; see sweep.c). If the client waits for a 100, or if the end of the body
 * cannot be known, the request is answered at once and the connection closed. Called by the loop's
 * thread only. */
#ifndef HTTP_BODY_H
#define HTTP_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct http_request;

enum { BODY_DISCARD_MAX = 16 * 1024 * 1024 };
#define BODY_DISCARD_NS INT64_C(5000000000)

/* Takes the next piece of the body. May reject the request (req->reject); the remainder of the body
 * is then read and thrown away. Returns false if more than BODY_DISCARD_MAX bytes were thrown away:
 * then the caller must read no more of the body. */
bool body_add(struct http_request *req, const char *piece, size_t len) MUST_CHECK;

void body_fini(struct http_request *req);

#endif

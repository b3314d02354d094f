/* body.h - inside of the layer: stores the body of a request, within the limits of the request
 * and of the server, or throws it away.
 *
 * A request that is rejected for its headers is answered only after its body has been read and
 * thrown away. Otherwise a client that is still sending would see a broken pipe instead of the
 * answer. BODY_DISCARD_MAX and BODY_DISCARD_NS bound what is read and thrown away. If the client
 * waits for a 100, or if the end of the body cannot be known, the request is answered at once and
 * the connection closed. The loop's thread only. */
#ifndef HTTP_BODY_H
#define HTTP_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct http_request;

enum { BODY_DISCARD_MAX = 16 * 1024 * 1024 };
#define BODY_DISCARD_NS INT64_C(5000000000)

/* Takes the next piece; may reject the request (req->reject) and go on reading. False: more than
 * BODY_DISCARD_MAX bytes were thrown away, so nothing more is to be read. */
bool body_add(struct http_request *req, const char *piece, size_t len) MUST_CHECK;

void body_fini(struct http_request *req);

#endif

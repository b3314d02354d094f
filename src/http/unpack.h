/* unpack.h - inside of the layer: the gzip body of one request, unpacked on the offload thread
 * before its handler is called, which never sees that it was packed. The loop's thread only. */
#ifndef HTTP_UNPACK_H
#define HTTP_UNPACK_H

#include <stdbool.h>

#include "base/attr.h"

struct http_request;

/* All of the packed body is here. request_unpacked() follows, from a completion: the request is to
 * be deferred until then. False when out of memory. */
bool unpack_start(struct http_request *req) MUST_CHECK;

#endif

/* unpack.h - inside of the layer: the gzip body of one request, unpacked on the offload thread
 * before its handler is called, which never sees that it was packed. The loop's thread only. */
#ifndef HTTP_UNPACK_H
#define HTTP_UNPACK_H

#include <stdbool.h>

#include "base/attr.h"
#include "http/message/reject.h"

struct http_request;

/* All of the packed body is here, and the request is to be suspended. From a completion on_unpacked
 * is called: the body is unpacked, or the request is to be rejected. False when out of memory. */
bool unpack_start(struct http_request *req,
                  void (*on_unpacked)(struct http_request *req,
                                      enum reject_reason reason)) MUST_CHECK;

#endif

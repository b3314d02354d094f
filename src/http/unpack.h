/* unpack.h - inside of the layer: unpacks the gzip body of a request on the offload thread, before
 * the handler is called. So the handler sees no packed body. The loop's thread only. */
#ifndef HTTP_UNPACK_H
#define HTTP_UNPACK_H

#include <stdbool.h>

#include "base/attr.h"
#include "http/message/reject.h"

struct http_request;

/* The packed body is complete, and the caller suspends the request. A completion calls on_unpacked
 * with REJECT_NONE when the body is unpacked, else with the reason to reject the request. False:
 * out of memory. */
bool unpack_start(struct http_request *req,
                  void (*on_unpacked)(struct http_request *req,
                                      enum reject_reason reason)) MUST_CHECK;

#endif

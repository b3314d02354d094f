/* unpack.h - inside of the layer: unpacks the gzip body of a request on the offload thread, before
 * the handler is called. So the handler sees no packed body. Called by the loop's thread only. */
#ifndef HTTP_UNPACK_H
#define HTTP_UNPACK_H

#include <stdbool.h>

#include "base/attr.h"
#include "http/message/reject.h"

struct http_request;

/* Begins to unpack the body of the request, which is complete. The caller then suspends the
 * request. on_unpacked is called on the loop, with REJECT_NONE if the body is unpacked, else with
 * the reason to reject the request. Returns false if memory is out: then on_unpacked is not
 * called. */
bool unpack_start(struct http_request *req,
                  void (*on_unpacked)(struct http_request *req,
                                      enum reject_reason reason)) MUST_CHECK;

#endif

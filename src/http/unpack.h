/* unpack.h - unpacks the gzip body of a request on the offload thread, before the handler is
 * called. A handler never sees a packed body. Internal to http; called by the loop's thread
 * only. */
#ifndef HTTP_UNPACK_H
#define HTTP_UNPACK_H

#include <stdbool.h>

#include "base/attr.h"
#include "http/message/reject.h"

struct http_request;

/* Begins to unpack the body, which must be complete. The caller then suspends the request. The loop
 * calls on_unpacked with REJECT_NONE if the body is unpacked, else with the reason to reject the
 * request. Returns false if memory is out: then on_unpacked is not called. */
bool unpack_start(struct http_request *req,
                  void (*on_unpacked)(struct http_request *req,
                                      enum reject_reason reason)) MUST_CHECK;

#endif

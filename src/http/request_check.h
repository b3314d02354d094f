/* request_check.h - inside of the layer: checks the headers of a new request, in the order that
 * docs/DESIGN.md gives in "Statuses", up to the rate. Called by the loop's thread only. */
#ifndef HTTP_REQUEST_CHECK_H
#define HTTP_REQUEST_CHECK_H

#include "base/attr.h"
#include "http/message/reject.h"

struct http_head;
struct http_request;

/* Reads the headers into *head and checks them. Returns REJECT_NONE, or the reason to reject the
 * request. Sets the request's route, credentials and `close`, and `fault` for a reason whose detail
 * needs it. */
enum reject_reason request_check(struct http_request *req, const char *version,
                                 struct http_head *head) MUST_CHECK;

#endif

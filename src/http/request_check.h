/* request_check.h - checks the headers of a new request, from the framing to the rate limit, in the
 * sequence of docs/DESIGN.md ("Statuses"). Internal to http; called by the loop's thread only. */
#ifndef HTTP_REQUEST_CHECK_H
#define HTTP_REQUEST_CHECK_H

#include "base/attr.h"
#include "http/message/reject.h"

struct http_head;
struct http_request;

/* Reads the headers into *head and checks them. Returns REJECT_NONE, or the reason to reject the
 * request. Sets the request's route, credentials and `close`. If the reason alone does not say what
 * is wrong, sets the request's `fault`, a text for the client. */
enum reject_reason request_check(struct http_request *req, const char *version,
                                 struct http_head *head) MUST_CHECK;

#endif

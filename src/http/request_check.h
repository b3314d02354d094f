/* request_check.h - inside of the layer: what the headers of a new request are refused for, if
 * anything, in the order of design.md section 5: framing, too many connections, target, path,
 * method, client certificate, content type and coding, what is accepted, length. The loop's thread
 * only. */
#ifndef HTTP_REQUEST_CHECK_H
#define HTTP_REQUEST_CHECK_H

#include "base/attr.h"
#include "http/message/reject.h"

struct http_head;
struct http_request;

/* Sets the request's route, and its fault where it has one. */
enum reject_reason request_check(struct http_request *req, const char *version,
                                 struct http_head *head) MUST_CHECK;

#endif

/* judge.h - inside of the layer: what the headers of a new request are refused for, if anything:
 * the checks that docs/DESIGN.md lists in "Statuses", in that order, up to the rate. The loop's
 * thread only. */
#ifndef HTTP_JUDGE_H
#define HTTP_JUDGE_H

#include "base/attr.h"
#include "http/refusal.h"

struct http_head;
struct http_request;

/* Sets the request's route, and its fault where it has one. */
enum refusal judge_request(struct http_request *req, const char *version,
                           struct http_head *head) MUST_CHECK;

#endif

/* problem.h - a problem document (RFC 9457) as bytes. */
#ifndef HTTP_PROBLEM_H
#define HTTP_PROBLEM_H

#include "base/buf.h"
#include "http/http.h"

#define PROBLEM_CONTENT_TYPE "application/problem+json"

enum { RETRY_AFTER_SIZE = 24 };

/* An answer that could not be made: what it would have said of the outcome is lost with it. */
extern const struct http_problem problem_no_answer;
/* The server ends while a request is deferred. */
extern const struct http_problem problem_cut_short;

/* A buffer with the document in it, failed when memory ran out; the caller's to end. */
struct buf problem_render(const struct http_problem *problem, const char *request_id);

/* The same without members and without its end: `}` and a line feed. */
struct buf problem_render_open(const struct http_problem *problem, const char *request_id);

/* The value of Retry-After: whole seconds, rounded up, at least 1. */
void problem_retry_after(int64_t span_ns, char out[RETRY_AFTER_SIZE]);

#endif

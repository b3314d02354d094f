/* problem.h - a problem document (RFC 9457 and our members), and its bytes. http.h brings this
 * header for struct http_problem and http_own_problem(); the other functions are inside of the
 * layer. Any thread. */
#ifndef HTTP_PROBLEM_H
#define HTTP_PROBLEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"

#define PROBLEM_CONTENT_TYPE "application/problem+json"

struct http_problem {
    int status;
    const char *code;    /* "queue_full"; lives as long as the request */
    const char *title;   /* short, the same for every occurrence of the code */
    const char *detail;  /* this occurrence; NULL: left out */
    const char *outcome; /* "not_accepted" or "unknown"; NULL: left out (a GET) */
    bool retryable;
    int64_t retry_after_ns; /* > 0: Retry-After in whole seconds, rounded up, and retry_after_ms */
    long offset;            /* >= 0: in the body; < 0: left out */
    const char *members;    /* more members as JSON, `"a":1,"b":[]`; NULL: none */
};

/* The i-th of the problems that this layer answers with by itself. False: i is past the last.
 * detail is NULL if each request gets its own; the answer to a GET leaves the outcome out. */
bool http_own_problem(size_t i, struct http_problem *out) MUST_CHECK;

enum { RETRY_AFTER_SIZE = 24 };

/* The answer could not be made, so the client does not learn the outcome. */
extern const struct http_problem problem_no_answer;
/* The server ends while a request is deferred. */
extern const struct http_problem problem_cut_short;

/* A buffer with the document in it, failed if memory ran out; the caller ends it. */
struct buf problem_render(const struct http_problem *problem, const char *request_id);

/* The same without members and without its end: `}` and a line feed. */
struct buf problem_render_open(const struct http_problem *problem, const char *request_id);

/* The value of Retry-After: whole seconds, rounded up, at least 1. */
void problem_retry_after(int64_t span_ns, char out[RETRY_AFTER_SIZE]);

#endif

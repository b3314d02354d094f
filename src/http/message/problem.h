/* problem.h - makes the bytes of a problem document (RFC 9457, and members of our own). http.h
 * includes this header for struct http_problem and http_own_problem(). The other functions are
 * internal to src/http. Any thread may call any function of this header. */
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
    const char *code;    /* such as "queue_full"; lives as long as the request */
    const char *title;   /* short, the same for every occurrence of the code */
    const char *detail;  /* what is wrong with this request; NULL: left out */
    const char *outcome; /* "not_accepted" or "unknown"; NULL: left out (a GET stores nothing) */
    bool retryable;
    int64_t retry_after_ns; /* > 0: sent as Retry-After and as retry_after_ms */
    long offset;            /* >= 0: a byte position in the body; < 0: left out */
    const char *members;    /* more members as JSON, `"a":1,"b":[]`; NULL: none */
};

/* Sets *out to the i-th of the problems that src/http answers by itself. Returns false if i is past
 * the last one. If out->detail is NULL, the detail depends on the request. In the answer to a GET
 * or HEAD, out->outcome is left out. */
bool http_own_problem(size_t i, struct http_problem *out) MUST_CHECK;

enum { RETRY_AFTER_SIZE = 24 };

/* For a request whose answer could not be made: the client does not learn the outcome. */
extern const struct http_problem problem_no_answer;
/* For a request that was still deferred when the server ended. */
extern const struct http_problem problem_cut_short;

/* Returns a buffer with the problem document. If memory ran out, the buffer has failed. The caller
 * frees the buffer by buf_fini(). */
struct buf problem_render(const struct http_problem *problem, const char *request_id);

/* Returns a buffer with the problem document, but without problem->members and without the end of
 * the document: `}` and a line feed. The caller frees the buffer by buf_fini(). */
struct buf problem_render_open(const struct http_problem *problem, const char *request_id);

/* Writes the value of Retry-After: whole seconds, rounded up, at least 1. */
void problem_retry_after(int64_t span_ns, char out[RETRY_AFTER_SIZE]);

#endif

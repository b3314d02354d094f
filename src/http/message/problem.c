/* problem.c - see problem.h. */
#include "http/message/problem.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

enum { PROBLEM_MAX_BYTES = 16 * 1024 }; /* without the bytes of http_problem.members */

const struct http_problem problem_no_answer = {
    .status = 500,
    .code = "internal_error",
    .title = "A fault of the service",
    .detail = "The answer could not be made.",
    .outcome = "unknown",
    .retryable = true,
    .offset = -1,
};

const struct http_problem problem_cut_short = {
    .status = 503,
    .code = "shutting_down",
    .title = "The service is shutting down",
    .detail = "The server stopped before the outcome was known. Repeat with the same id.",
    .outcome = "unknown",
    .retryable = true,
    .retry_after_ns = NS_PER_S,
    .offset = -1,
};

static int64_t round_up(int64_t span_ns, int64_t unit_ns)
{
    return span_ns / unit_ns + (span_ns % unit_ns != 0);
}

static void add_text(struct buf *out, const char *name, const char *text)
{
    if (text == NULL)
        return;
    buf_printf(out, ",\"%s\":", name);
    buf_add_json(out, text);
}

struct buf problem_render_open(const struct http_problem *problem, const char *request_id)
{
    struct buf out = BUF_INIT(PROBLEM_MAX_BYTES);
    buf_printf(&out, "{\"type\":\"urn:ordersd:problem:%s\"", problem->code);
    add_text(&out, "title", problem->title);
    buf_printf(&out, ",\"status\":%d", problem->status);
    add_text(&out, "detail", problem->detail);
    buf_printf(&out, ",\"instance\":\"urn:ordersd:request:%s\"", request_id);
    add_text(&out, "code", problem->code);
    add_text(&out, "outcome", problem->outcome);
    buf_printf(&out, ",\"retryable\":%s", json_bool(problem->retryable));
    if (problem->offset >= 0)
        buf_printf(&out, ",\"offset\":%ld", problem->offset);
    if (problem->retry_after_ns > 0)
        buf_printf(&out, ",\"retry_after_ms\":%" PRId64,
                   round_up(problem->retry_after_ns, NS_PER_MS));
    return out;
}

struct buf problem_render(const struct http_problem *problem, const char *request_id)
{
    struct buf out = problem_render_open(problem, request_id);
    size_t members_len = problem->members != NULL ? strlen(problem->members) : 0;
    out.max += members_len;
    if (members_len > 0) {
        buf_add_char(&out, ',');
        buf_add(&out, problem->members, members_len);
    }
    buf_add_str(&out, "}\n");
    return out;
}

void problem_retry_after(int64_t span_ns, char out[RETRY_AFTER_SIZE])
{
    int64_t seconds = round_up(span_ns, NS_PER_S);
    (void)snprintf(out, RETRY_AFTER_SIZE, "%" PRId64, seconds > 0 ? seconds : 1);
}

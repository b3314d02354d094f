/* Problem documents, byte by byte. */
#include <criterion/criterion.h>

#include "base/clock.h"
#include "http/message/problem.h"

static void expect_bytes(const struct http_problem *problem, const char *want)
{
    struct buf out = problem_render(problem, "id-1");
    cr_assert_not(out.failed);
    cr_expect_str_eq(out.data, want);
    buf_fini(&out);
}

Test(problem, has_every_member)
{
    expect_bytes(&(struct http_problem){ .status = 503,
                                         .code = "queue_full",
                                         .title = "The queue is full",
                                         .detail = "say \"when\"",
                                         .outcome = "not_accepted",
                                         .retryable = true,
                                         .retry_after_ns = 1500 * NS_PER_MS + 1,
                                         .offset = 0,
                                         .members = "\"a\":1,\"b\":[]" },
                 "{\"type\":\"urn:ordersd:problem:queue_full\",\"title\":\"The queue is full\","
                 "\"status\":503,\"detail\":\"say \\\"when\\\"\","
                 "\"instance\":\"urn:ordersd:request:id-1\",\"code\":\"queue_full\","
                 "\"outcome\":\"not_accepted\",\"retryable\":true,\"offset\":0,"
                 "\"retry_after_ms\":1501,\"a\":1,\"b\":[]}\n");
}

Test(problem, leaves_out_what_is_not_there)
{
    expect_bytes(
        &(struct http_problem){ .status = 404, .code = "no", .title = "No", .offset = -1 },
        "{\"type\":\"urn:ordersd:problem:no\",\"title\":\"No\",\"status\":404,"
        "\"instance\":\"urn:ordersd:request:id-1\",\"code\":\"no\",\"retryable\":false}\n");
}

Test(problem, rounds_retry_after_up)
{
    static const struct {
        int64_t span_ns;
        const char *want;
    } cases[] = {
        { 1, "1" }, { NS_PER_S, "1" }, { NS_PER_S + 1, "2" }, { 90 * NS_PER_S, "90" }, { 0, "1" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[RETRY_AFTER_SIZE];
        problem_retry_after(cases[i].span_ns, text);
        cr_expect_str_eq(text, cases[i].want);
    }
}

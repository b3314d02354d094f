/* The metrics of API keys as text, and their bound. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/buf.h"
#include "handlers/order_metrics.h"
#include "http/http.h"
#include "observability/key_metrics.h"

static char *text_of(const struct http_key_figures *keys, size_t n)
{
    size_t len;
    struct buf out = BUF_INIT(KEY_METRICS_MAX);
    key_metrics_render(&out, keys, n);
    cr_assert_not(out.failed, "more than KEY_METRICS_MAX bytes");
    return buf_steal(&out, &len);
}

static size_t count_lines(const char *text, const char *begin)
{
    size_t n = 0;
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (*line == '\0')
            break;
        n += strncmp(line, begin, strlen(begin)) == 0;
    }
    return n;
}

Test(key_metrics, of_no_key_are_none)
{
    cr_expect_null(text_of(NULL, 0));
}

Test(key_metrics, of_two_keys_and_the_others)
{
    static const struct http_key_figures keys[] = {
        { .name = "desk:a/1",
          .requests = 7,
          .counts = { [KEY_ORDERS_CREATED] = 2, [KEY_ORDERS_REPLAYED] = 1 },
          .codes = { { "rate_limited", 3 }, { "invalid_order", 1 } },
          .n_codes = 2,
          .limited = true,
          .tokens = 4,
          .burst = 5 },
        { .name = "b\\\"\n", .other_codes = 9 },
        { .name = "", .requests = 11 },
    };
    char *text = text_of(keys, 3), *at = text;
    static const char *const want[] = {
        "# TYPE ordersd_key_requests_total counter\n"
        "ordersd_key_requests_total{key=\"desk:a/1\"} 7\n"
        "ordersd_key_requests_total{key=\"b\\\\\\\"\\n\"} 0\n"
        "ordersd_key_requests_total{key=\"(other)\"} 11\n"
        "# HELP ordersd_key_rejections_total ",
        "# TYPE ordersd_key_rejections_total counter\n"
        "ordersd_key_rejections_total{key=\"desk:a/1\",code=\"rate_limited\"} 3\n"
        "ordersd_key_rejections_total{key=\"desk:a/1\",code=\"invalid_order\"} 1\n"
        "ordersd_key_rejections_total{key=\"desk:a/1\",code=\"other\"} 0\n"
        "ordersd_key_rejections_total{key=\"b\\\\\\\"\\n\",code=\"other\"} 9\n"
        "ordersd_key_rejections_total{key=\"(other)\",code=\"other\"} 0\n"
        "# HELP ordersd_key_orders_total ",
        "# TYPE ordersd_key_orders_total counter\n"
        "ordersd_key_orders_total{key=\"desk:a/1\",result=\"created\"} 2\n"
        "ordersd_key_orders_total{key=\"desk:a/1\",result=\"replayed\"} 1\n",
        "# TYPE ordersd_key_rate_tokens gauge\n"
        "ordersd_key_rate_tokens{key=\"desk:a/1\"} 4\n"
        "# HELP ordersd_key_rate_tokens_max ",
        "# TYPE ordersd_key_rate_tokens_max gauge\n"
        "ordersd_key_rate_tokens_max{key=\"desk:a/1\"} 5\n",
    };
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        char *found = strstr(at, want[i]);
        cr_expect_not_null(found, "no '%s' in: %s", want[i], text);
        at = found != NULL ? found : at;
    }
    cr_expect_eq(count_lines(text, "ordersd_key_orders_total"), 6);
    cr_expect_eq(count_lines(text, "ordersd_key_rate_tokens{"), 1);
    free(text);
}

Test(key_metrics, have_no_family_without_a_series)
{
    static const struct http_key_figures key = { .name = "a" };
    char *text = text_of(&key, 1);
    cr_expect_eq(count_lines(text, "# TYPE "), 3);
    cr_expect_null(strstr(text, "tokens"));
    free(text);
}

/* The longest code of the program. */
static const char *longest_code(void)
{
    const char *longest = "unsupported_content_encoding";
    struct http_problem problem;
    for (size_t i = 0; http_own_problem(i, &problem); i++)
        if (strlen(problem.code) > strlen(longest))
            longest = problem.code;
    return longest;
}

/* The names are as long, and the counts as large as they can be. */
static struct http_key_figures largest(bool others)
{
    struct http_key_figures key = {
        .requests = UINT64_MAX,
        .counts = { UINT64_MAX, UINT64_MAX },
        .n_codes = HTTP_KEY_CODES,
        .other_codes = UINT64_MAX,
        .limited = !others,
        .tokens = 1000000,
        .burst = 1000000,
    };
    if (!others)
        memset(key.name, 'k', HTTP_KEY_NAME_SIZE - 1);
    for (size_t i = 0; i < HTTP_KEY_CODES; i++)
        key.codes[i] = (struct http_key_code){ longest_code(), UINT64_MAX };
    return key;
}

Test(key_metrics, are_bounded)
{
    static struct http_key_figures keys[HTTP_KEYS_SHOWN + 1];
    for (size_t i = 0; i <= HTTP_KEYS_SHOWN; i++)
        keys[i] = largest(i == HTTP_KEYS_SHOWN);
    char *text = text_of(keys, HTTP_KEYS_SHOWN + 1);
    cr_expect_gt(strlen(text), KEY_METRICS_MAX / 4 * 3, "the bound is far too large");
    free(text);
}

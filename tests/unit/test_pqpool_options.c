/* Every bound of the options, on both sides of it, and what a refusal says. */
#include <criterion/criterion.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "pqpool/pool.h"

struct bound {
    const char *name; /* what a refusal must say */
    size_t offset;
    int64_t value;
    bool ok;
};

#define AT(member) offsetof(struct pqpool_options, member)

/* clang-format off */
static const struct bound spans[] = {
    { "acquire_timeout",             AT(acquire_timeout_ns), -1, false },
    { "acquire_timeout",             AT(acquire_timeout_ns), 0, false },
    { "acquire_timeout",             AT(acquire_timeout_ns), 1, true },
    { "acquire_timeout",             AT(acquire_timeout_ns), INT64_MAX, true },
    { "connect_timeout",             AT(connect_timeout_ns), 0, false },
    { "connect_timeout",             AT(connect_timeout_ns), 1, true },
    { "command_timeout",             AT(command_timeout_ns), 0, false },
    { "command_timeout",             AT(command_timeout_ns), 1, true },
    { "validation_bypass",           AT(validation_bypass_ns), -1, false },
    { "validation_bypass",           AT(validation_bypass_ns), 0, true },
    { "validation_timeout",          AT(validation_timeout_ns), 0, false },
    { "validation_timeout",          AT(validation_timeout_ns), 1, true },
    { "initial_retry_delay",         AT(initial_retry_delay_ns), 0, false },
    { "initial_retry_delay",         AT(initial_retry_delay_ns), 1, true },
    { "initial_retry_delay",         AT(initial_retry_delay_ns), PQPOOL_SECONDS(30), true },
    { "at most max_retry_delay_ns, which is 30000000000", AT(initial_retry_delay_ns), PQPOOL_SECONDS(30) + 1, false },
    { "max_retry_delay",             AT(max_retry_delay_ns), 0, false },
    { "max_retry_delay",             AT(max_retry_delay_ns), PQPOOL_SECONDS(0.5), true },
    { "max_retry_delay",             AT(max_retry_delay_ns), PQPOOL_SECONDS(0.5) - 1, false },
    { "health_check_interval",       AT(health_check_interval_ns), 0, false },
    { "health_check_interval",       AT(health_check_interval_ns), PQPOOL_SECONDS(5), true },
    { "health_check_timeout",        AT(health_check_timeout_ns), 0, false },
    { "health_check_timeout",        AT(health_check_timeout_ns), PQPOOL_SECONDS(10), true },
    { "at most health_check_interval_ns, which is 10000000000", AT(health_check_timeout_ns), PQPOOL_SECONDS(10) + 1, false },
    { "metrics_collection_interval", AT(metrics_collection_interval_ns), 0, false },
    { "metrics_collection_interval", AT(metrics_collection_interval_ns), 1, true },
    { "idle_timeout",                AT(idle_timeout_ns), -1, false },
    { "idle_timeout",                AT(idle_timeout_ns), 0, true },
    { "max_lifetime",                AT(max_lifetime_ns), -1, false },
    { "max_lifetime",                AT(max_lifetime_ns), 0, true },
    { "leak_threshold",              AT(leak_threshold_ns), -1, false },
    { "leak_threshold",              AT(leak_threshold_ns), 0, true },
};

static const struct bound counts[] = {
    { "max_pool_size",           AT(max_pool_size), 0, false },
    { "max_pool_size",           AT(max_pool_size), 10, true },
    { "min_pool_size is 10; it must be at most max_pool_size, which is 9", AT(max_pool_size), 9, false },
    { "max_pool_size",           AT(max_pool_size), 10000, true },
    { "max_pool_size",           AT(max_pool_size), 10001, false },
    { "min_pool_size",           AT(min_pool_size), 0, true },
    { "min_pool_size",           AT(min_pool_size), 100, true },
    { "min_pool_size is 101", AT(min_pool_size), 101, false },
    { "max_waiting",             AT(max_waiting), 0, true },
    { "max_validation_failures", AT(max_validation_failures), 0, false },
    { "max_validation_failures", AT(max_validation_failures), 1, true },
    { "max_retry_attempts",      AT(max_retry_attempts), 0, false },
    { "max_retry_attempts",      AT(max_retry_attempts), 1, true },
};
/* clang-format on */

static void expect_verdict(const struct pqpool_options *options, const char *name, int64_t value,
                           bool ok)
{
    struct err err = { .text = "untouched" };
    cr_expect_eq(options_valid(options, &err), ok, "%s = %lld", name, (long long)value);
    if (ok)
        cr_expect_str_eq(err.text, "untouched", "%s", name);
    else
        cr_expect_not_null(strstr(err.text, name), "%s is not in: %s", name, err.text);
    cr_expect_eq(options_valid(options, NULL), ok, "err may be NULL");
}

Test(options, defaults_are_valid)
{
    const struct pqpool_options options = PQPOOL_OPTIONS_DEFAULT;
    expect_verdict(&options, "defaults", 0, true);
}

Test(options, spans_have_their_bounds)
{
    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++) {
        struct pqpool_options options = PQPOOL_OPTIONS_DEFAULT;
        memcpy((char *)&options + spans[i].offset, &spans[i].value, sizeof(int64_t));
        expect_verdict(&options, spans[i].name, spans[i].value, spans[i].ok);
    }
}

Test(options, counts_have_their_bounds)
{
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct pqpool_options options = PQPOOL_OPTIONS_DEFAULT;
        uint32_t value = (uint32_t)counts[i].value;
        memcpy((char *)&options + counts[i].offset, &value, sizeof value);
        expect_verdict(&options, counts[i].name, counts[i].value, counts[i].ok);
    }
}

Test(options, the_multiplier_is_a_number_from_1_to_100)
{
    static const struct {
        double value;
        bool ok;
    } cases[] = {
        { 1.0, true },          { 0.999, false }, { 100.0, true },     { 100.001, false },
        { (double)NAN, false }, { -2.0, false },  { HUGE_VAL, false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pqpool_options options = PQPOOL_OPTIONS_DEFAULT;
        options.retry_backoff_multiplier = cases[i].value;
        expect_verdict(&options, "retry_backoff_multiplier", (int64_t)i, cases[i].ok);
    }
}

Test(options, no_string_may_be_null)
{
    static const size_t strings[] = { AT(conninfo),        AT(password),
                                      AT(password_file),   AT(application_name),
                                      AT(session_options), AT(validation_query) };
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
        struct pqpool_options options = PQPOOL_OPTIONS_DEFAULT;
        memcpy((char *)&options + strings[i], &(void *){ NULL }, sizeof(void *));
        expect_verdict(&options, "NULL", (int64_t)i, false);
    }
}

static const char *ask_nothing(void *ctx)
{
    return ctx;
}

Test(options, a_health_check_is_asked_and_judged_or_neither)
{
    struct pqpool_options options = PQPOOL_OPTIONS_DEFAULT;
    options.health_query = ask_nothing;
    expect_verdict(&options, "health_query and health_passed", 0, false);
}

Test(options, open_refuses_and_writes_nothing)
{
    struct pqpool_options options = PQPOOL_OPTIONS_DEFAULT;
    char mark;
    struct pqpool *pool = (struct pqpool *)(void *)&mark, *before = pool;
    struct err err = { 0 };
    options.max_pool_size = 0;
    cr_expect_eq(pqpool_open(&options, &pool, &err), PQPOOL_INVALID_OPTIONS);
    cr_expect_not_null(strstr(err.text, "max_pool_size"));
    options.max_pool_size = 100;
    options.conninfo = "no such word";
    cr_expect_eq(pqpool_open(&options, &pool, &err), PQPOOL_INVALID_OPTIONS);
    cr_expect_not_null(strstr(err.text, "connection string"));
    cr_expect_eq(pool, before);
}

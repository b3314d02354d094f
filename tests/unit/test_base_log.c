#include <criterion/criterion.h>

#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/log_limit.h"

/* Standard error goes to a pipe; a line fits into it, so nothing blocks. */
static int from_log;

static void capture(void)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    cr_assert_geq(dup2(ends[1], STDERR_FILENO), 0);
    (void)close(ends[1]);
    from_log = ends[0];
}

/* One read: a line is one write. */
static const char *next_line(void)
{
    static char line[2 * PIPE_BUF];
    ssize_t n = read(from_log, line, sizeof line - 1);
    cr_assert_gt(n, 0);
    line[n] = '\0';
    return line;
}

/* What follows the timestamp, whose form alone is checked. */
static const char *after_time(const char *line, const char *form)
{
    for (; *form != '\0'; form++, line++)
        cr_assert(*form == '0' ? *line >= '0' && *line <= '9' : *line == *form, "at %s", line);
    return line;
}

#define TIME "0000-00-00T00:00:00.000000Z"

TestSuite(log, .init = capture, .timeout = 60);

Test(log, json_line)
{
    log_init(LOG_INFO, LOG_AS_JSON);
    log_event(LOG_WARN, "pool.dial_failed", log_str("error", "no \"route\"\n"),
              log_int("attempt", -3), log_str("host", NULL));
    cr_expect_str_eq(after_time(next_line(), "{\"ts\":\"" TIME "\","),
                     "\"level\":\"warn\",\"event\":\"pool.dial_failed\","
                     "\"error\":\"no \\\"route\\\"\\n\",\"attempt\":-3,\"host\":\"\"}\n");
}

Test(log, text_line)
{
    log_init(LOG_INFO, LOG_AS_TEXT);
    log_event(LOG_INFO, "http.listening", log_str("address", "::1"), log_int("port", 8080));
    cr_expect_str_eq(after_time(next_line(), TIME),
                     " info  http.listening address=\"::1\" port=8080\n");
}

Test(log, level_is_a_threshold)
{
    log_init(LOG_WARN, LOG_AS_TEXT);
    cr_expect(log_enabled(LOG_ERROR));
    cr_expect(log_enabled(LOG_WARN));
    cr_expect_not(log_enabled(LOG_INFO));
    log_event(LOG_INFO, "test.unseen", log_int("n", 1));
    log_set_level(LOG_DEBUG);
    log_event(LOG_DEBUG, "test.seen", log_int("n", 2));
    cr_expect_str_eq(after_time(next_line(), TIME), " debug test.seen n=2\n");
}

static char *long_text(size_t len)
{
    static char text[10 * PIPE_BUF];
    memset(text, 'x', len);
    text[len] = '\0';
    return text;
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

Test(log, a_long_value_is_cut_and_the_line_stays_whole)
{
    log_init(LOG_INFO, LOG_AS_JSON);
    log_event(LOG_INFO, "test.long", log_str("big", long_text(9 * PIPE_BUF)), log_int("after", 7));
    const char *line = next_line();
    cr_expect_leq(strlen(line), PIPE_BUF);
    cr_expect(ends_with(line, "xx\",\"after\":7,\"cut\":true}\n"), "%s", line);
}

Test(log, fields_without_room_are_left_out)
{
    struct log_field fields[8];
    log_init(LOG_INFO, LOG_AS_JSON);
    for (int i = 0; i < 7; i++)
        fields[i] = log_str("big", long_text(1024));
    fields[7] = log_int("last", 1);
    log_fields(LOG_INFO, "test.full", fields, 8);
    const char *line = next_line();
    cr_expect_leq(strlen(line), PIPE_BUF);
    cr_expect(ends_with(line, "\",\"last\":1,\"cut\":true}\n") ||
                  ends_with(line, "\"cut\":true}\n"),
              "%s", line);
}

/* Whatever the length, the line is either whole or says that it is not, and fits. */
Test(log, every_length_near_the_bound)
{
    log_init(LOG_INFO, LOG_AS_JSON);
    static char names[LOG_LIMIT_EVENTS - 1][32]; /* each with an allowance of its own */
    for (size_t len = PIPE_BUF - 400, i = 0; len < PIPE_BUF; len++, i++) {
        char *name = names[i / LOG_LIMIT_LINES];
        (void)snprintf(name, sizeof names[0], "test.%zu", i / LOG_LIMIT_LINES);
        log_event(LOG_INFO, name, log_str("v", long_text(len)));
        const char *line = next_line();
        bool cut = ends_with(line, "x\",\"cut\":true}\n");
        cr_assert_leq(strlen(line), PIPE_BUF);
        cr_assert(cut || ends_with(line, "x\"}\n"), "length %zu: %s", len, line);
        cr_assert(cut || strlen(line) > len, "length %zu was cut in silence", len);
    }
}

/* Floods until the second is over and the count of what was left out comes with the next line. */
Test(log, suppressed_lines_are_counted)
{
    log_init(LOG_INFO, LOG_AS_JSON);
    struct pollfd pipe_end = { .fd = from_log, .events = POLLIN };
    const char *line = "";
    uint64_t logged = 0, lines = 0;
    while (strstr(line, "suppressed") == NULL) {
        log_event(LOG_INFO, "test.flood", log_int("n", 5));
        logged++;
        line = poll(&pipe_end, 1, 0) > 0 ? next_line() : "";
        lines += line[0] != '\0';
    }
    cr_expect_geq(lines, LOG_LIMIT_LINES + 1);
    char want[80];
    (void)snprintf(want, sizeof want, "\"test.flood\",\"n\":5,\"suppressed\":%llu}\n",
                   (unsigned long long)(logged - lines));
    cr_expect(ends_with(line, want), "%s", line);
}

static struct log_limit limit = LOG_LIMIT_INIT;

static int pass_many(const char *event, int times, int64_t now_ns)
{
    int passed = 0;
    uint64_t suppressed;
    for (int i = 0; i < times; i++)
        passed += log_limit_pass(&limit, event, now_ns, &suppressed);
    return passed;
}

Test(log_limit, twenty_lines_a_second_then_the_count)
{
    uint64_t suppressed = 99;
    cr_expect_eq(pass_many("a", LOG_LIMIT_LINES, 5), LOG_LIMIT_LINES);
    cr_expect_not(log_limit_pass(&limit, "a", 5 + NS_PER_S - 1, &suppressed));
    cr_expect_eq(suppressed, 99, "written on refusal");
    cr_expect_eq(pass_many("a", 6, 6), 0);

    cr_expect(log_limit_pass(&limit, "a", 5 + NS_PER_S, &suppressed));
    cr_expect_eq(suppressed, 7);
    cr_expect(log_limit_pass(&limit, "a", 5 + NS_PER_S, &suppressed));
    cr_expect_eq(suppressed, 0, "said once");
}

Test(log_limit, events_do_not_hold_each_other_up)
{
    char copy[] = "a"; /* names are compared by text */
    cr_expect_eq(pass_many("a", 30, 0), LOG_LIMIT_LINES);
    cr_expect_eq(pass_many(copy, 1, 0), 0);
    cr_expect_eq(pass_many("b", 30, 0), LOG_LIMIT_LINES);
}

Test(log_limit, names_beyond_the_table_share_the_last_allowance)
{
    static char names[LOG_LIMIT_EVENTS + 1][16];
    for (int i = 0; i <= LOG_LIMIT_EVENTS; i++) {
        (void)snprintf(names[i], sizeof names[i], "e%d", i);
        int want = i < LOG_LIMIT_EVENTS ? LOG_LIMIT_LINES : 0;
        cr_expect_eq(pass_many(names[i], 30, 0), want, "%s", names[i]);
    }
}

static int told;

static void listen(void *ctx, enum log_level level, const char *event,
                   const struct log_field *fields, int count)
{
    told++;
    cr_expect_eq(ctx, &told);
    cr_expect(level <= LOG_WARN);
    cr_expect_str_eq(event, "test.listened");
    cr_expect_eq(count, 1);
    cr_expect_str_eq(fields[0].text, "x");
}

/* By no level and no limit is an error kept from the listener; nothing less is told. */
Test(log, a_listener_is_told_of_every_warning_and_error)
{
    log_init(LOG_ERROR, LOG_AS_JSON);
    log_listen(listen, &told);
    log_event(LOG_INFO, "test.listened", log_str("text", "x"));
    cr_expect_eq(told, 0);
    log_event(LOG_WARN, "test.listened", log_str("text", "x"));
    cr_expect_eq(told, 1);
    for (int i = 0; i < 2 * LOG_LIMIT_LINES; i++)
        log_event(LOG_ERROR, "test.listened", log_str("text", "x"));
    cr_expect_eq(told, 1 + 2 * LOG_LIMIT_LINES);
}

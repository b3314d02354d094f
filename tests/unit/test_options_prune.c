/* The flags of `ordersd prune`: what is taken from the command line, and what is refused. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "app/prune_options.h"
#include "base/clock.h"
#include "base/err.h"

#define DAYS(n) ((n)*INT64_C(86400) * NS_PER_S)

enum { ARGS_MAX = 12 };

/* A command line as main() has it when the word "prune" is gone. */
struct line {
    int argc;
    char *argv[ARGS_MAX + 1];
};

static struct line line_of(const char *const args[])
{
    static char program[] = "ordersd";
    struct line line = { .argc = 1, .argv = { program } };
    for (; *args != NULL; args++) {
        cr_assert_lt(line.argc, ARGS_MAX);
        line.argv[line.argc++] = (char *)(uintptr_t)*args;
    }
    return line;
}

#define LINE(...) line_of((const char *const[]){ __VA_ARGS__, NULL })

static struct prune_options taken(struct line *line)
{
    struct prune_options options = { 0 };
    struct err err = { 0 };
    cr_assert(prune_options_take(&options, &line->argc, line->argv, &err), "%s", err.text);
    return options;
}

Test(prune_options, have_defaults_but_for_the_age)
{
    struct line line = LINE("--older-than=400d");
    struct prune_options options = taken(&line);
    cr_expect_eq(options.older_than_ns, DAYS(400));
    cr_expect_eq(options.batch, 5000);
    cr_expect_not(options.dry_run);
    cr_expect_eq(line.argc, 1);
    cr_expect_null(line.argv[1]);
}

Test(prune_options, are_taken_and_the_others_stay)
{
    struct line line = LINE("--log-level", "debug", "--older-than", "960h", "--dry-run",
                            "--database-url=host=h", "--batch", "100", "--log-format=text");
    struct prune_options options = taken(&line);
    cr_expect_eq(options.older_than_ns, DAYS(40));
    cr_expect_eq(options.batch, 100);
    cr_expect(options.dry_run);
    cr_assert_eq(line.argc, 5);
    cr_expect_str_eq(line.argv[1], "--log-level");
    cr_expect_str_eq(line.argv[2], "debug");
    cr_expect_str_eq(line.argv[3], "--database-url=host=h");
    cr_expect_str_eq(line.argv[4], "--log-format=text");
    cr_expect_null(line.argv[5]);
}

/* A flag whose name only begins as ours does is left to the options of the service, which refuse
 * it. */
Test(prune_options, are_taken_by_their_whole_name)
{
    struct line line = LINE("--older-than=400d", "--batches=1", "--dry-running");
    struct prune_options options = taken(&line);
    cr_expect_not(options.dry_run);
    cr_expect_eq(line.argc, 3);
}

Test(prune_options, may_be_at_their_bounds)
{
    struct line least = LINE("--older-than=30d", "--batch=1", "--dry-run=true");
    struct line most = LINE("--older-than=18250d", "--batch=100000", "--dry-run=false");
    cr_expect_eq(taken(&least).older_than_ns, DAYS(PRUNE_DAYS_MIN));
    cr_expect_eq(taken(&most).older_than_ns, DAYS(PRUNE_DAYS_MAX));
}

static void expect_refused(struct line line, const char *text)
{
    struct prune_options options = { .batch = 7 };
    struct err err = { 0 };
    cr_expect_not(prune_options_take(&options, &line.argc, line.argv, &err), "%s", text);
    cr_expect_not_null(strstr(err.text, text), "no '%s' in: %s", text, err.text);
    cr_expect_null(strchr(err.text, '\n'), "one line: %s", err.text);
    cr_expect_eq(options.batch, 7, "unchanged");
}

Test(prune_options, that_are_wrong_are_named_with_what_is_right)
{
    expect_refused(LINE("--batch=1"), "--older-than is missing");
    expect_refused(LINE("--dry-run"), "at least 30d");
    expect_refused(LINE("--older-than"), "--older-than: a value is missing");
    expect_refused(LINE("--older-than", "--dry-run"), "--older-than: a value is missing");
    expect_refused(LINE("--older-than="), "30d to 18250d");
    expect_refused(LINE("--older-than=29d"), "--older-than=29d: must be seconds, or a duration");
    expect_refused(LINE("--older-than=2591999s"), "30d to 18250d");
    expect_refused(LINE("--older-than=18251d"), "30d to 18250d");
    expect_refused(LINE("--older-than=400days"), "30d to 18250d");
    expect_refused(LINE("--older-than=1y"), "30d to 18250d");
    expect_refused(LINE("--older-than=-400d"), "30d to 18250d");
    expect_refused(LINE("--older-than=400d", "--batch=0"), "--batch=0: must be a whole number");
    expect_refused(LINE("--older-than=400d", "--batch=100001"), "1 to 100000 orders");
    expect_refused(LINE("--older-than=400d", "--batch", "many"), "--batch=many");
    expect_refused(LINE("--older-than=400d", "--dry-run=perhaps"), "true or false");
}

/* The flags of `ordersd migrate --distribute`: what is taken from the command line, and what is
 * refused. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "app/distribute_options.h"
#include "base/err.h"

enum { ARGS_MAX = 6 };

struct line {
    int argc;
    char *argv[ARGS_MAX + 1];
};

static bool take(struct line *line, const char *const args[], struct distribute_options *options,
                 struct err *err)
{
    static char program[] = "ordersd";
    *line = (struct line){ .argc = 1, .argv = { program } };
    for (; *args != NULL; args++)
        line->argv[line->argc++] = (char *)(uintptr_t)*args;
    return distribute_options_take(options, &line->argc, line->argv, err);
}

#define TAKE(...) take(&line, (const char *const[]){ __VA_ARGS__, NULL }, &options, &err)

Test(distribute_options, are_taken_and_the_others_stay)
{
    struct line line;
    struct distribute_options options;
    struct err err = { 0 };
    cr_assert(TAKE("--log-level=debug"), "%s", err.text);
    cr_expect_not(options.wanted);
    cr_expect_eq(line.argc, 2);
    cr_assert(TAKE("--distribute", "--log-level=debug"), "%s", err.text);
    cr_expect(options.wanted && !options.with_rows && options.shards == 0);
    cr_expect_str_eq(line.argv[1], "--log-level=debug");
    cr_expect_eq(line.argc, 2);
    cr_assert(TAKE("--distribute=64000", "--distribute-rows"), "%s", err.text);
    cr_expect(options.wanted && options.with_rows && options.shards == 64000);
    cr_expect_eq(line.argc, 1);
}

Test(distribute_options, are_refused_with_a_reason)
{
    static const char *const bad[] = { "", "0", "64001", "-1", "+1", " 1", "1x", "999999" };
    struct line line;
    struct distribute_options options;
    struct err err;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char arg[40];
        (void)snprintf(arg, sizeof arg, "--distribute=%s", bad[i]);
        cr_expect_not(TAKE(arg), "%s", arg);
        cr_expect_not_null(strstr(err.text, "1 to 64000"), "%s", err.text);
    }
    cr_expect_not(TAKE("--distribute-rows"));
    cr_expect_not_null(strstr(err.text, "without --distribute"), "%s", err.text);
}

/* The cursor of a list: what is written is read back, and nothing else is read. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>

#include "handlers/cursor.h"

#define EVERY_CHARACTER "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._"
#define LONGEST "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"

Test(cursor, is_base64url_of_a_version_and_an_id)
{
    char text[CURSOR_SIZE];
    cursor_write("a", text);
    cr_expect_str_eq(text, "AWE");
    cursor_write("abc", text);
    cr_expect_str_eq(text, "AWFiYw");
    cursor_write("2026-11-23/0002", text);
    cr_expect_str_eq(text, "ATIwMjYtMTEtMjMvMDAwMg");
}

Test(cursor, what_is_written_is_read_back)
{
    static const char *const ids[] = { "a", "ab", "abc", "abcd", "-:/.", EVERY_CHARACTER, LONGEST };
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        char text[CURSOR_SIZE], id[ORDER_NAME_SIZE];
        cursor_write(ids[i], text);
        cr_assert(cursor_read(text, id), "%s", text);
        cr_expect_str_eq(id, ids[i]);
    }
}

Test(cursor, of_each_length)
{
    for (size_t len = 1; len < ORDER_NAME_SIZE; len++) {
        char text[CURSOR_SIZE], id[ORDER_NAME_SIZE], wanted[ORDER_NAME_SIZE];
        (void)snprintf(wanted, sizeof wanted, "%.*s", (int)len, LONGEST);
        cursor_write(wanted, text);
        cr_expect_eq(strlen(text), ((len + 1) * 8 + 5) / 6);
        cr_assert(cursor_read(text, id), "%s", text);
        cr_expect_str_eq(id, wanted);
    }
}

struct refused {
    char text[128], why[40];
};

ParameterizedTestParameters(cursor, is_refused)
{
    static struct refused cases[] = {
        { "", "nothing" },
        { "AQ", "a version alone" },
        { "AmE", "another version" },
        { "YQ", "an id alone" },
        { "AWE=", "padding" },
        { "AWE ", "a blank" },
        { "AWF", "bits that belong to no byte" },
        { "AWEtM", "a digit that belongs to no byte" },
        { "AWEA", "a NUL" },
        { "AWEAYg", "a NUL within" },
        { "AWEgYg", "a blank in the id" },
        { "AWH_", "a byte beyond ASCII" },
        { "AWE+", "base64 of the other kind" },
        { "AWE/", "base64 of the other kind" },
        { "AWE-\xc3\xa4", "a letter that is no digit" },
        { "AXp6enp6enp6enp6enp6enp6enp6enp6enp6enp6enp6enp6enp6enp6enp6enp6enp6enp6enp6enp6enp6enp"
          "6",
          "an id of 65 characters" },
    };
    return cr_make_param_array(struct refused, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct refused *c, cursor, is_refused)
{
    char id[ORDER_NAME_SIZE] = "untouched";
    cr_expect_not(cursor_read(c->text, id), "%s: %s", c->why, c->text);
    cr_expect_str_eq(id, "untouched");
}

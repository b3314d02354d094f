#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"

Test(buf, grows_and_keeps_what_it_has)
{
    struct buf buf = BUF_INIT(100000);
    for (int i = 0; i < 10000; i++)
        buf_printf(&buf, "%04d,", i);
    cr_assert_not(buf.failed);
    cr_expect_eq(buf.len, 50000);
    cr_expect_eq(strlen(buf.data), buf.len);
    cr_expect(strncmp(buf.data, "0000,0001,", 10) == 0);
    cr_expect_str_eq(buf.data + 49990, "9998,9999,");
    cr_expect_leq(buf.cap, buf.max + 1);
    buf_fini(&buf);
    cr_expect_null(buf.data);
    cr_expect_eq(buf.max, 100000);
}

Test(buf, takes_exactly_max_and_not_one_more)
{
    struct buf buf = BUF_INIT(8);
    buf_add_str(&buf, "1234567");
    buf_add_char(&buf, '8');
    cr_assert_not(buf.failed);
    cr_expect_eq(buf.len, 8);

    buf_add_char(&buf, '9');
    cr_expect(buf.failed);
    cr_expect_str_eq(buf.data, "12345678");
    buf_fini(&buf);
}

Test(buf, appends_nothing_after_a_failure)
{
    struct buf buf = BUF_INIT(8);
    buf_add_str(&buf, "1234");
    buf_add_str(&buf, "too long");
    cr_expect(buf.failed);
    buf_add_char(&buf, '5');
    buf_printf(&buf, "%d", 6);
    cr_expect_not(buf_reserve(&buf, 0));
    cr_expect_str_eq(buf.data, "1234", "a later piece was appended behind a gap");

    size_t len = 77;
    cr_expect_null(buf_steal(&buf, &len));
    cr_expect_eq(len, 77, "written on failure");

    buf_clear(&buf);
    buf_add_str(&buf, "again");
    cr_expect_not(buf.failed);
    cr_expect_str_eq(buf.data, "again");
    buf_fini(&buf);
}

/* AddressSanitizer would abort where malloc returns NULL. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

Test(buf, fails_when_memory_is_not_to_be_had)
{
    struct buf buf = BUF_INIT(SIZE_MAX - 1);
    buf_add_str(&buf, "kept");
    cr_expect_not(buf_reserve(&buf, SIZE_MAX / 2), "no machine has that");
    cr_expect(buf.failed);
    cr_expect_str_eq(buf.data, "kept");
    buf_fini(&buf);

    struct buf unbounded = BUF_INIT(SIZE_MAX);
    cr_expect_not(buf_reserve(&unbounded, 1), "SIZE_MAX is no bound");
}

Test(buf, reserve_has_room_for_the_nul)
{
    struct buf buf = BUF_INIT(64);
    cr_assert(buf_reserve(&buf, 64));
    memset(buf.data, 'x', 64);
    buf.data[64] = '\0';
    buf.len = 64;
    cr_expect(buf_reserve(&buf, 0));
    cr_expect_not(buf_reserve(&buf, 1));
    buf_fini(&buf);
}

Test(buf, printf_is_bounded_on_both_sides)
{
    struct buf buf = BUF_INIT(5);
    buf_printf(&buf, "%s", "12345");
    cr_expect_not(buf.failed);
    cr_expect_str_eq(buf.data, "12345");
    buf_clear(&buf);
    buf_printf(&buf, "%s", "123456");
    cr_expect(buf.failed);
    cr_expect_eq(buf.len, 0);
    buf_fini(&buf);
}

Test(buf, over_an_array_never_allocates)
{
    char memory[8];
    struct buf buf = BUF_OVER(memory);
    buf_add_str(&buf, "1234567");
    cr_expect_not(buf.failed);
    cr_expect_eq(buf.data, memory);
    buf_add_char(&buf, '8');
    cr_expect(buf.failed);
    cr_expect_str_eq(memory, "1234567");
}

Test(buf, steal_gives_the_bytes_away)
{
    struct buf buf = BUF_INIT(100);
    size_t len = 0;
    cr_expect_null(buf_steal(&buf, &len), "nothing in it");
    buf_add(&buf, "a\0b", 3);
    char *bytes = buf_steal(&buf, &len);
    cr_assert_not_null(bytes);
    cr_expect_eq(len, 3);
    cr_expect_arr_eq(bytes, "a\0b", 4);
    cr_expect_null(buf.data);
    cr_expect_eq(buf.max, 100);
    free(bytes);
}

struct json_case {
    char text[40], want[80];
};

#define BAD "\xEF\xBF\xBD" /* U+FFFD */

ParameterizedTestParameters(buf, json)
{
    /* clang-format off */
    static struct json_case cases[] = {
        { "", "\"\"" },
        { "plain text", "\"plain text\"" },
        { "say \"hi\" \\ /", "\"say \\\"hi\\\" \\\\ /\"" },
        { "\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"" },
        { "\x01\x1f\x7f", "\"\\u0001\\u001f\x7f\"" },
        { "\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80", "\"\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80\"" },
        { "\xC2\x80\xDF\xBF", "\"\xC2\x80\xDF\xBF\"" },                  /* first and last of 2 bytes */
        { "\xE0\xA0\x80\xEF\xBF\xBF", "\"\xE0\xA0\x80\xEF\xBF\xBF\"" },  /* of 3 */
        { "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF", "\"\xF0\x90\x80\x80\xF4\x8F\xBF\xBF\"" }, /* of 4 */
        { "\xED\x9F\xBF\xEE\x80\x80", "\"\xED\x9F\xBF\xEE\x80\x80\"" },  /* beside the surrogates */
        { "a\xFF" "b", "\"a" BAD "b\"" },
        { "\x80", "\"" BAD "\"" },                               /* continues nothing */
        { "\xC3", "\"" BAD "\"" },                               /* cut by the end */
        { "\xE2\x82", "\"" BAD BAD "\"" },
        { "\xC3" "A", "\"" BAD "A\"" },                          /* cut by a letter, which stays */
        { "\xC1\xBF", "\"" BAD BAD "\"" },                       /* overlong */
        { "\xE0\x9F\xBF", "\"" BAD BAD BAD "\"" },
        { "\xF0\x8F\xBF\xBF", "\"" BAD BAD BAD BAD "\"" },
        { "\xED\xA0\x80", "\"" BAD BAD BAD "\"" },               /* a surrogate */
        { "\xF4\x90\x80\x80", "\"" BAD BAD BAD BAD "\"" },       /* above U+10FFFF */
        { "\xF5\x80\x80\x80", "\"" BAD BAD BAD BAD "\"" },
    };
    /* clang-format on */
    return cr_make_param_array(struct json_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct json_case *c, buf, json, .timeout = 60)
{
    struct buf buf = BUF_INIT(1000);
    buf_add_json(&buf, c->text);
    cr_expect_str_eq(buf.data, c->want);
    buf_fini(&buf);
}

Test(buf, json_of_null_is_null)
{
    struct buf buf = BUF_INIT(10);
    buf_add_json(&buf, NULL);
    cr_expect_str_eq(buf.data, "null");
    buf_fini(&buf);
}

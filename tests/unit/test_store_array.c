/* The bytes of arrays as array_recv() of PostgreSQL reads them, and the parameters made of them. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/buf.h"
#include "store/params.h"
#include "store/pg_array.h"

static void expect_bytes(const struct buf *buf, const char *bytes, size_t len)
{
    cr_expect_not(buf->failed);
    cr_assert_eq(buf->len, len, "%zu bytes", buf->len);
    cr_expect_arr_eq(buf->data, bytes, len);
}

#define EXPECT_BYTES(buf, literal) expect_bytes(buf, literal, sizeof(literal) - 1)

Test(array, texts_and_a_null)
{
    struct buf buf = BUF_INIT(64);
    pg_array_begin(&buf, PG_TEXT, 3);
    pg_array_text(&buf, "ab");
    pg_array_null(&buf);
    pg_array_text(&buf, "");
    EXPECT_BYTES(&buf, "\0\0\0\1"
                       "\0\0\0\1"
                       "\0\0\0\x19"
                       "\0\0\0\3"
                       "\0\0\0\1"
                       "\0\0\0\2"
                       "ab"
                       "\xff\xff\xff\xff"
                       "\0\0\0\0");
    buf_fini(&buf);
}

Test(array, an_empty_one_has_no_dimension)
{
    struct buf buf = BUF_INIT(64);
    pg_array_begin(&buf, PG_TEXT, 0);
    EXPECT_BYTES(&buf, "\0\0\0\0"
                       "\0\0\0\1"
                       "\0\0\0\x19");
    buf_fini(&buf);
}

Test(array, a_uuid)
{
    struct buf buf = BUF_INIT(64);
    pg_array_begin(&buf, PG_UUID, 1);
    pg_array_uuid(&buf, "0192f0c1-2345-7abc-8def-0123456789ab");
    EXPECT_BYTES(&buf, "\0\0\0\1"
                       "\0\0\0\1"
                       "\0\0\x0b\x86"
                       "\0\0\0\1"
                       "\0\0\0\1"
                       "\0\0\0\x10"
                       "\x01\x92\xf0\xc1\x23\x45\x7a\xbc\x8d\xef\x01\x23\x45\x67\x89\xab");
    buf_fini(&buf);
}

Test(array, moments_count_from_2000)
{
    struct buf buf = BUF_INIT(64);
    pg_array_begin(&buf, PG_TIMESTAMPTZ, 2);
    pg_array_timestamptz(&buf, INT64_C(946684800000001));
    pg_array_timestamptz(&buf, INT64_C(946684799999999));
    EXPECT_BYTES(&buf, "\0\0\0\1"
                       "\0\0\0\1"
                       "\0\0\x04\xa0"
                       "\0\0\0\2"
                       "\0\0\0\1"
                       "\0\0\0\x08"
                       "\0\0\0\0\0\0\0\1"
                       "\0\0\0\x08"
                       "\xff\xff\xff\xff\xff\xff\xff\xff");
    buf_fini(&buf);
}

Test(array, its_size_is_what_full_elements_take)
{
    struct buf buf = BUF_INIT(pg_array_size(2, 3));
    pg_array_begin(&buf, PG_TEXT, 2);
    pg_array_text(&buf, "abc");
    pg_array_text(&buf, "def");
    cr_expect_not(buf.failed);
    cr_expect_eq(buf.len, pg_array_size(2, 3));
    pg_array_null(&buf);
    cr_expect(buf.failed, "one element too many");
    buf_fini(&buf);
}

Test(params, arrays_and_texts_in_their_places)
{
    struct params params = { 0 };
    struct buf *array = params_array(&params, PG_TEXT, 1, 8);
    params_text(&params, "plain");
    pg_array_text(array, "x");
    cr_assert(params_ready(&params));
    cr_expect_eq(params.n, 2);
    cr_expect_eq(params.formats[0], 1);
    cr_expect_eq(params.lengths[0], (int)array->len);
    cr_expect_eq(params.values[0], array->data);
    cr_expect_eq(params.formats[1], 0);
    cr_expect_str_eq(params.values[1], "plain");
    params_fini(&params);
    cr_expect_eq(params.n, 0);
}

Test(params, an_array_that_did_not_fit_is_noticed)
{
    struct params params = { 0 };
    pg_array_text(params_array(&params, PG_TEXT, 1, 4), "12345");
    cr_expect_not(params_ready(&params));
    params_fini(&params);
}

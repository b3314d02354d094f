/* gzip streams that are good, damaged, cut at each byte, or far larger than they look. */
#include <criterion/criterion.h>

#include "http/message/bodies.h"
#include "http/message/gunzip.h"
#include "unit/http/gzip_maker.h"

enum { ALL_MAX = 8 << 20, LEN_MAX = 1 << 20 };

static struct bodies bodies = { .budget.limit_bytes = ALL_MAX };
static size_t n_slices; /* of the last one */

static enum gunzip_rc unpack(const struct packed *packed, size_t max_len, struct body_bytes *out)
{
    const struct body_bytes in = { .data = packed->data, .len = packed->len };
    struct gunzip gunzip;
    enum gunzip_rc rc;
    *out = (struct body_bytes){ 0 };
    gunzip_begin(&gunzip, &in, max_len, &bodies, out);
    n_slices = 0;
    do {
        n_slices++;
    } while ((rc = gunzip_slice(&gunzip)) == GUNZIP_MORE);
    cr_expect_eq(budget_used(&bodies.budget), out->cap, "what is held is counted");
    if (rc != GUNZIP_OK)
        cr_expect(out->data == NULL && out->cap == 0);
    return rc;
}

static void expect_bytes(const struct packed *packed, const char *want, size_t len)
{
    struct body_bytes out;
    cr_assert_eq(unpack(packed, LEN_MAX, &out), GUNZIP_OK);
    cr_expect_eq(out.len, len);
    cr_expect_arr_eq(out.data, want, len);
    cr_expect_eq(out.data[len], '\0');
    bodies_free(&bodies, &out);
    cr_expect_eq(budget_used(&bodies.budget), 0);
}

static void expect_rc(const struct packed *packed, size_t max_len, enum gunzip_rc want)
{
    struct body_bytes out;
    cr_expect_eq(unpack(packed, max_len, &out), want);
    bodies_free(&bodies, &out);
}

Test(gunzip, one_member)
{
    static const char text[] = "{\"account_id\":\"A\"}";
    struct packed packed = pack(text, sizeof text - 1);
    expect_bytes(&packed, text, sizeof text - 1);
    free(packed.data);
}

Test(gunzip, nothing_packed_is_an_empty_body)
{
    struct packed packed = pack("", 0);
    expect_bytes(&packed, "", 0);
    free(packed.data);
}

Test(gunzip, several_members_are_one_body)
{
    struct packed packed = pack("ab", 2), empty = pack("", 0), more = pack("cd", 2);
    packed_append(&packed, empty.data, empty.len);
    packed_append(&packed, more.data, more.len);
    expect_bytes(&packed, "abcd", 4);
    free(packed.data);
    free(empty.data);
    free(more.data);
}

Test(gunzip, cut_anywhere_is_invalid)
{
    static const char text[] = "some text, some text, some more text";
    struct packed packed = pack(text, sizeof text);
    size_t whole = packed.len;
    for (packed.len = 0; packed.len < whole; packed.len++)
        expect_rc(&packed, LEN_MAX, GUNZIP_INVALID);
    free(packed.data);
}

Test(gunzip, a_second_member_cut_anywhere_is_invalid)
{
    struct packed packed = pack("ab", 2), more = pack("cd", 2);
    size_t first = packed.len;
    packed_append(&packed, more.data, more.len);
    size_t whole = packed.len;
    for (packed.len = first + 1; packed.len < whole; packed.len++)
        expect_rc(&packed, LEN_MAX, GUNZIP_INVALID);
    free(packed.data);
    free(more.data);
}

Test(gunzip, what_is_behind_the_end_must_be_a_member)
{
    static const char *const behind[] = { "x", "garbage that is long enough", "\x1f", "\n" };
    for (size_t i = 0; i < sizeof behind / sizeof behind[0]; i++) {
        struct packed packed = pack("ab", 2);
        packed_append(&packed, behind[i], strlen(behind[i]));
        expect_rc(&packed, LEN_MAX, GUNZIP_INVALID);
        free(packed.data);
    }
    struct packed padded = pack("ab", 2);
    packed_append(&padded, "\0\0\0\0", 4);
    expect_rc(&padded, LEN_MAX, GUNZIP_INVALID);
    free(padded.data);
}

/* Magic, method, CRC and length; flags, time and system may be nearly anything. */
Test(gunzip, damage_is_found)
{
    struct packed packed = pack("some text", 9);
    const size_t places[] = {
        0, 1, 2, packed.len - 1, packed.len - 4, packed.len - 5, packed.len - 8
    };
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        packed.data[places[i]] ^= 0x40;
        expect_rc(&packed, LEN_MAX, GUNZIP_INVALID);
        packed.data[places[i]] ^= 0x40;
    }
    expect_bytes(&packed, "some text", 9);
    free(packed.data);
}

Test(gunzip, other_formats_of_zlib_are_not_gzip)
{
    unsigned char bytes[64];
    uLongf len = sizeof bytes;
    cr_assert_eq(compress(bytes, &len, (const Bytef *)"some text", 9), Z_OK);
    struct packed packed = { .data = (char *)bytes, .len = len };
    expect_rc(&packed, LEN_MAX, GUNZIP_INVALID);
}

Test(gunzip, as_many_bytes_as_allowed_and_no_more)
{
    static const size_t lens[] = { 1, 100, 16 * 1024, 16 * 1024 + 1, 100000 };
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        struct packed packed = pack_bomb(lens[i]);
        expect_rc(&packed, lens[i], GUNZIP_OK);
        expect_rc(&packed, lens[i] + 1, GUNZIP_OK);
        expect_rc(&packed, lens[i] - 1, GUNZIP_TOO_LARGE);
        free(packed.data);
    }
}

/* The members end exactly at the limit, and more of no bytes follow. */
Test(gunzip, empty_members_at_the_limit_are_no_excess)
{
    struct packed packed = pack("ab", 2), empty = pack("", 0);
    for (int i = 0; i < 3; i++)
        packed_append(&packed, empty.data, empty.len);
    expect_rc(&packed, 2, GUNZIP_OK);
    packed_append(&packed, "", 1);
    expect_rc(&packed, 2, GUNZIP_INVALID);
    free(packed.data);
    free(empty.data);
}

Test(gunzip, a_bomb_takes_no_more_than_the_limit)
{
    struct packed bomb = pack_bomb(64 << 20);
    cr_expect_lt(bomb.len, 100000);
    expect_rc(&bomb, LEN_MAX, GUNZIP_TOO_LARGE);
    bodies.budget.limit_bytes = 100000;
    expect_rc(&bomb, LEN_MAX, GUNZIP_NO_ROOM);
    cr_expect_eq(budget_used(&bodies.budget), 0);
    free(bomb.data);
}

/* ---- slices ---- */

Test(gunzip, a_slice_makes_no_more_than_its_bound)
{
    struct packed bomb = pack_bomb(LEN_MAX);
    const struct body_bytes in = { .data = bomb.data, .len = bomb.len };
    struct body_bytes out = { 0 };
    struct gunzip gunzip;
    enum gunzip_rc rc;
    size_t len = 0, slices = 0;
    gunzip_begin(&gunzip, &in, LEN_MAX, &bodies, &out);
    while ((rc = gunzip_slice(&gunzip)) == GUNZIP_MORE) {
        cr_expect_leq(out.len - len, 2 * GUNZIP_SLICE_MADE_BYTES);
        len = out.len;
        slices++;
    }
    cr_expect_eq(rc, GUNZIP_OK);
    cr_expect_eq(out.len, LEN_MAX);
    cr_expect_geq(slices, LEN_MAX / (2 * GUNZIP_SLICE_MADE_BYTES));
    bodies_free(&bodies, &out);
    free(bomb.data);
}

/* Ten thousand members of no bytes each, 200 kB of them: nothing is made, and each takes time. */
Test(gunzip, what_makes_nothing_is_sliced_too)
{
    enum { MEMBERS = 10000 };
    struct packed packed = pack("ab", 2), empty = pack("", 0);
    for (int i = 0; i < MEMBERS; i++)
        packed_append(&packed, empty.data, empty.len);
    expect_bytes(&packed, "ab", 2);
    cr_expect_geq(n_slices, MEMBERS / GUNZIP_SLICE_STEPS);
    free(packed.data);
    free(empty.data);
}

/* Noise does not pack, so each slice reads as much as it may. */
Test(gunzip, a_slice_reads_no_more_than_its_bound)
{
    enum { NOISE = 100000 };
    static char noise[NOISE];
    for (size_t i = 0; i < NOISE; i++)
        noise[i] = (char)rand();
    struct packed packed = pack(noise, NOISE);
    expect_bytes(&packed, noise, NOISE);
    cr_expect_geq(n_slices, NOISE / GUNZIP_SLICE_READ_BYTES);
    free(packed.data);
}

Test(gunzip, what_is_given_up_between_two_slices_leaves_nothing)
{
    struct packed bomb = pack_bomb(LEN_MAX);
    const struct body_bytes in = { .data = bomb.data, .len = bomb.len };
    struct body_bytes out = { 0 };
    struct gunzip gunzip;
    gunzip_begin(&gunzip, &in, LEN_MAX, &bodies, &out);
    cr_expect_eq(gunzip_slice(&gunzip), GUNZIP_MORE);
    cr_expect_geq(budget_used(&bodies.budget), out.cap + GUNZIP_STREAM_BYTES, "the stream counts");
    gunzip_end(&gunzip);
    cr_expect_null(out.data);
    cr_expect_eq(budget_used(&bodies.budget), 0);
    gunzip_begin(&gunzip, &in, LEN_MAX, &bodies, &out);
    gunzip_end(&gunzip); /* before the first */
    cr_expect_eq(budget_used(&bodies.budget), 0);
    free(bomb.data);
}

Test(gunzip, no_room_for_the_stream_itself)
{
    struct packed packed = pack("ab", 2);
    bodies.budget.limit_bytes = GUNZIP_STREAM_BYTES - 1;
    expect_rc(&packed, LEN_MAX, GUNZIP_NO_ROOM);
    cr_expect_eq(budget_used(&bodies.budget), 0);
    free(packed.data);
}

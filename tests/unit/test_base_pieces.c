/* Bytes in pieces: they come out as they went in, memory is counted before it is there and given
 * back while they are read, and what was reserved can always be added. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/pieces.h"

enum { LARGE = 1 << 20, STEP = 977 };

/* `len` bytes that tell their place. */
static char *make_bytes(size_t len)
{
    char *bytes = malloc(len);
    cr_assert_not_null(bytes);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)('a' + (i * 7 + i / 251) % 26);
    return bytes;
}

Test(pieces, what_was_added_is_read_in_order)
{
    struct pieces pieces;
    struct budget budget;
    char *bytes = make_bytes(LARGE), out[STEP];
    budget_init(&budget, 2 * LARGE, NULL);
    pieces_init(&pieces, &budget);
    for (size_t at = 0; at < LARGE; at += STEP)
        pieces_add(&pieces, bytes + at, LARGE - at < STEP ? LARGE - at : STEP);
    pieces_seal(&pieces);
    cr_assert_not(pieces.failed);
    cr_expect_eq(pieces.len, LARGE);
    size_t at = 0, n;
    while ((n = pieces_read(&pieces, out, at % 3 == 0 ? STEP : STEP / 2)) > 0) {
        cr_assert_leq(at + n, LARGE);
        cr_assert_arr_eq(out, bytes + at, n);
        at += n;
        cr_expect_leq(budget_used(&budget), LARGE - at + (128 << 10), "freed on the way");
    }
    cr_expect_eq(at, LARGE);
    cr_expect_eq(pieces.len, 0);
    cr_expect_eq(budget_used(&budget), 0);
    pieces_fini(&pieces);
    free(bytes);
}

Test(pieces, what_is_reserved_can_be_added_when_the_budget_is_full)
{
    struct pieces pieces;
    struct budget budget;
    char *bytes = make_bytes(LARGE);
    budget_init(&budget, LARGE, NULL);
    pieces_init(&pieces, &budget);
    cr_assert(pieces_reserve(&pieces, LARGE));
    cr_expect_eq(pieces_room(&pieces), LARGE);
    cr_expect_not(pieces_reserve(&pieces, LARGE + 1));
    for (size_t at = 0; at < LARGE; at += STEP)
        pieces_add(&pieces, bytes + at, LARGE - at < STEP ? LARGE - at : STEP);
    cr_expect_not(pieces.failed);
    cr_expect_eq(pieces_room(&pieces), 0);
    pieces_add(&pieces, "x", 1);
    cr_expect(pieces.failed);
    cr_expect_eq(pieces.len, LARGE, "nothing is added from then on");
    pieces_fini(&pieces);
    cr_expect_eq(budget_used(&budget), 0);
    free(bytes);
}

Test(pieces, a_small_reservation_takes_no_more)
{
    struct pieces pieces;
    struct budget budget;
    char out[16];
    budget_init(&budget, LARGE, NULL);
    pieces_init(&pieces, &budget);
    cr_assert(pieces_reserve(&pieces, 10));
    pieces_add_str(&pieces, "abc");
    pieces_add_str(&pieces, "defg");
    cr_expect_eq(budget_used(&budget), 10);
    pieces_seal(&pieces);
    cr_expect_eq(budget_used(&budget), 10, "the piece is as large as what was reserved");
    cr_expect_eq(pieces_read(&pieces, out, sizeof out), 7);
    cr_expect_arr_eq(out, "abcdefg", 7);
    cr_expect_eq(pieces_read(&pieces, out, sizeof out), 0);
    cr_expect_eq(budget_used(&budget), 0);
}

Test(pieces, what_was_not_needed_is_given_back)
{
    struct pieces pieces;
    struct budget budget;
    budget_init(&budget, LARGE, NULL);
    pieces_init(&pieces, &budget);
    cr_assert(pieces_reserve(&pieces, LARGE));
    pieces_add_str(&pieces, "a");
    pieces_seal(&pieces);
    cr_expect_leq(budget_used(&budget), 64 << 10);
    pieces_fini(&pieces);
    cr_expect_eq(budget_used(&budget), 0);
    pieces_fini(&pieces);
}

/* The ring of samples: numbers, what is kept, and what is not any more. */
#include <criterion/criterion.h>

#include <string.h>

#include "observability/history.h"

static struct history history;

static void open_history(void)
{
    history_init(&history);
}

static void add(uint32_t n)
{
    for (uint32_t i = 1; i <= n; i++)
        history_add(&history, &(struct sample){ .at_ms = i * 1000, .created = i });
}

static uint32_t created_of(uint64_t number)
{
    struct sample sample = { .created = HISTORY_NONE };
    return history_get(&history, number, &sample) ? sample.created : HISTORY_NONE;
}

static void expect_range(uint64_t first, uint64_t newest)
{
    uint64_t has_first, has_newest;
    history_range(&history, &has_first, &has_newest);
    cr_expect_eq(has_first, first);
    cr_expect_eq(has_newest, newest);
}

TestSuite(ring, .init = open_history, .timeout = 60);

Test(ring, empty)
{
    expect_range(1, 0);
    cr_expect_eq(created_of(0), HISTORY_NONE);
    cr_expect_eq(created_of(1), HISTORY_NONE);
}

Test(ring, samples_are_numbered_from_one)
{
    add(2);
    expect_range(1, 2);
    cr_expect_eq(created_of(0), HISTORY_NONE);
    cr_expect_eq(created_of(1), 1);
    cr_expect_eq(created_of(2), 2);
    cr_expect_eq(created_of(3), HISTORY_NONE);
}

Test(ring, full_to_the_last_place)
{
    add(HISTORY_SAMPLES);
    expect_range(1, HISTORY_SAMPLES);
    cr_expect_eq(created_of(1), 1);
    cr_expect_eq(created_of(HISTORY_SAMPLES), HISTORY_SAMPLES);
}

Test(ring, the_oldest_goes)
{
    add(HISTORY_SAMPLES + 3);
    expect_range(4, HISTORY_SAMPLES + 3);
    cr_expect_eq(created_of(3), HISTORY_NONE);
    cr_expect_eq(created_of(4), 4);
    cr_expect_eq(created_of(HISTORY_SAMPLES + 3), HISTORY_SAMPLES + 3);
    history_fini(&history);
}

Test(ring, columns_are_those_of_the_table)
{
    struct sample sample = { .interval_ms = 1000, .pool_errors = 7 };
    unsigned n = 0;
    while (history_column_name(n) != NULL)
        n++;
    cr_expect_eq(n, (sizeof sample - sizeof sample.at_ms) / sizeof(uint32_t));
    cr_expect_str_eq(history_column_name(0), "interval_ms");
    cr_expect_eq(history_column(&sample, 0), 1000);
    cr_expect_str_eq(history_column_name(n - 1), "pool_errors");
    cr_expect_eq(history_column(&sample, n - 1), 7);
}

Test(ring, too_large_is_not_absent)
{
    cr_expect_eq(history_cut(0), 0);
    cr_expect_eq(history_cut(HISTORY_MOST), HISTORY_MOST);
    cr_expect_eq(history_cut(HISTORY_NONE), HISTORY_MOST);
    cr_expect_eq(history_cut(UINT64_MAX), HISTORY_MOST);
}

/* Ten minutes are not to cost more than a few connections do. */
Test(ring, size)
{
    cr_expect_leq(sizeof history, 64 * 1024);
}

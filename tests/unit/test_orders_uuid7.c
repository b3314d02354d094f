/* Version, variant, time and order of our ids; what is read as an id. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "orders/uuid7.h"

static int64_t millisecond_of(const unsigned char id[16])
{
    int64_t ms = 0;
    for (int i = 0; i < 6; i++)
        ms = ms << 8 | id[i];
    return ms;
}

Test(uuid7, has_version_variant_and_time)
{
    for (int64_t ms = 0x0123456789ab; ms < 0x0123456789ab + 1000; ms++) {
        char text[37];
        unsigned char id[16];
        uuid7_text(ms, text);
        cr_assert_eq(strlen(text), 36);
        cr_assert(uuid_parse(text, id), "%s", text);
        cr_expect_eq(id[6] >> 4, 7, "%s", text);
        cr_expect_eq(id[8] >> 6, 2, "%s", text);
        cr_expect_eq(millisecond_of(id), ms, "%s", text);
    }
}

Test(uuid7, smallest_of_a_millisecond_divides_the_ids_before_from_the_ids_after)
{
    char smallest[37], text[37];
    unsigned char id[16];
    uuid7_smallest(0x0123456789ab, smallest);
    cr_expect_str_eq(smallest, "01234567-89ab-0000-0000-000000000000");
    cr_assert(uuid_parse(smallest, id));
    cr_expect_eq(uuid7_unix_ms(id), 0x0123456789ab);
    uuid7_text(0x0123456789aa, text);
    cr_expect_lt(strcmp(text, smallest), 0, "%s", text);
    uuid7_text(0x0123456789ab, text);
    cr_expect_gt(strcmp(text, smallest), 0, "%s", text);
    cr_assert(uuid_parse(text, id));
    cr_expect_eq(uuid7_unix_ms(id), 0x0123456789ab);
    uuid7_smallest(0, smallest);
    cr_expect_str_eq(smallest, "00000000-0000-0000-0000-000000000000");
}

Test(uuid7, counter_begins_in_the_lower_half_of_its_range)
{
    for (int64_t ms = 1; ms < 200; ms++) {
        char text[37];
        unsigned char id[16];
        uuid7_text(ms, text);
        cr_assert(uuid_parse(text, id));
        cr_expect_lt((id[6] & 0xf) << 8 | id[7], 0x800, "%s", text);
    }
}

Test(uuid7, rises_within_a_millisecond_and_beyond_its_counter)
{
    char before[37] = "", text[37];
    for (int i = 0; i < 20000; i++) {
        uuid7_text(1700000000000, text);
        cr_assert_lt(strcmp(before, text), 0, "%s then %s", before, text);
        memcpy(before, text, sizeof before);
    }
    unsigned char id[16];
    cr_assert(uuid_parse(text, id));
    cr_expect_gt(millisecond_of(id), 1700000000000, "the counter has 12 bits");
    cr_expect_lt(millisecond_of(id), 1700000000000 + 20, "at least 2048 fit in each");
}

Test(uuid7, keeps_its_order_when_the_clock_goes_back)
{
    char before[37], text[37];
    unsigned char id[16];
    uuid7_text(1700000000000, before);
    for (int64_t back = 1; back < 1700000001000; back *= 7) {
        uuid7_text(1700000000000 - back, text);
        cr_assert_lt(strcmp(before, text), 0);
        cr_assert(uuid_parse(text, id));
        cr_expect_eq(millisecond_of(id), 1700000000000);
        memcpy(before, text, sizeof before);
    }
}

enum { THREADS = 4, IDS = 5000 };

static void *make_ids(void *arg)
{
    char(*ids)[37] = arg;
    for (size_t i = 0; i < IDS; i++)
        uuid7_text(1700000000000, ids[i]);
    return NULL;
}

static int compare_ids(const void *a, const void *b)
{
    return strcmp(a, b);
}

Test(uuid7, differs_between_threads_in_the_same_millisecond)
{
    static char ids[THREADS * IDS][37];
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, make_ids, ids + i * IDS), 0);
    for (size_t i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    qsort(ids, THREADS * IDS, sizeof ids[0], compare_ids);
    for (size_t i = 1; i < THREADS * IDS; i++)
        cr_assert_str_neq(ids[i - 1], ids[i]);
}

Test(uuid_parse, reads_either_case)
{
    static const unsigned char want[16] = { 0x01, 0x8f, 0xab, 0xcd, 0xef, 0x01, 0x72, 0x34,
                                            0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67 };
    unsigned char lower[16], upper[16];
    cr_assert(uuid_parse("018fabcd-ef01-7234-89ab-cdef01234567", lower));
    cr_assert(uuid_parse("018FABCD-EF01-7234-89AB-CDEF01234567", upper));
    cr_expect_arr_eq(lower, want, 16);
    cr_expect_arr_eq(upper, want, 16);
}

Test(uuid_parse, refuses_the_rest_and_writes_nothing)
{
    static const char *const cases[] = {
        "",
        "018fabcd-ef01-7234-89ab-cdef0123456",
        "018fabcd-ef01-7234-89ab-cdef012345678",
        "018fabcdef01723489abcdef01234567",
        "018fabcd-ef01-7234-89ab-cdef0123456g",
        "018fabcd-ef01-7234-89ab_cdef01234567",
        "018fabcde-f01-7234-89ab-cdef01234567",
        "{18fabcd-ef01-7234-89ab-cdef0123456}",
        " 18fabcd-ef01-7234-89ab-cdef01234567",
        "018fabcd-ef01-7234-89ab-cdef012345-7",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned char out[16], untouched[16];
        memset(out, 0x5a, sizeof out);
        memset(untouched, 0x5a, sizeof untouched);
        cr_expect_not(uuid_parse(cases[i], out), "%s", cases[i]);
        cr_expect_arr_eq(out, untouched, 16, "%s", cases[i]);
    }
}

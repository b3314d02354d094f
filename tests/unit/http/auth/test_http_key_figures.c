/* What is counted for a key, and what becomes of it when the file of keys is read again. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/sync.h"
#include "http/auth/key_figures.h"
#include "http/auth/keys.h"
#include "unit/http/key_folder.h"

static struct http_key_figures read_of(const struct key_figures *figures)
{
    struct http_key_figures out = { .name = "" };
    key_figures_read(figures, &out);
    return out;
}

/* Returns the count of the code, or UINT64_MAX if it has none. */
static uint64_t count_of(const struct http_key_figures *figures, const char *code)
{
    for (size_t i = 0; i < figures->n_codes; i++)
        if (strcmp(figures->codes[i].code, code) == 0)
            return figures->codes[i].count;
    return UINT64_MAX;
}

/* ---- one key ---- */

Test(key_figures, requests_and_their_codes)
{
    static const char again[] = "busy"; /* the same code at another address */
    struct key_figures *figures = key_figures_new();
    cr_assert_not_null(figures);
    struct http_key_figures got = read_of(figures);
    cr_expect_eq(got.requests, 0);
    cr_expect_eq(got.n_codes, 0);

    key_figures_declare(figures, "never");
    key_figures_declare(figures, "never");
    key_figures_count_request(figures, NULL);
    key_figures_count_request(figures, "busy");
    key_figures_count_request(figures, again);
    key_figures_count_request(figures, "bad");
    key_figures_add(figures, 0, 3);
    key_figures_add(figures, 1, 1);
    key_figures_add(figures, 1, 1);
    got = read_of(figures);
    cr_expect_eq(got.requests, 4);
    cr_expect_eq(got.n_codes, 3);
    cr_expect_eq(count_of(&got, "never"), 0);
    cr_expect_eq(count_of(&got, "busy"), 2);
    cr_expect_eq(count_of(&got, "bad"), 1);
    cr_expect_eq(got.other_codes, 0);
    cr_expect_eq(got.counts[0], 3);
    cr_expect_eq(got.counts[1], 2);
    key_figures_unref(&figures);
    cr_expect_null(figures);
    key_figures_unref(&figures);
}

static char many[HTTP_KEY_CODES + 2][16];

static void name_many(void)
{
    for (int i = 0; i < HTTP_KEY_CODES + 2; i++)
        (void)snprintf(many[i], sizeof many[i], "c%d", i);
}

Test(key_figures, codes_beyond_the_bound_are_counted_together)
{
    name_many();
    struct key_figures *figures = key_figures_new();
    for (int i = 0; i < HTTP_KEY_CODES + 2; i++)
        key_figures_count_request(figures, many[i]);
    key_figures_count_request(figures, many[HTTP_KEY_CODES - 1]);
    key_figures_declare(figures, many[HTTP_KEY_CODES]);
    struct http_key_figures got = read_of(figures);
    cr_expect_eq(got.n_codes, HTTP_KEY_CODES);
    cr_expect_eq(count_of(&got, "c0"), 1);
    cr_expect_eq(count_of(&got, many[HTTP_KEY_CODES - 1]), 2);
    cr_expect_eq(count_of(&got, many[HTTP_KEY_CODES]), UINT64_MAX);
    cr_expect_eq(got.other_codes, 2);
    cr_expect_eq(got.requests, HTTP_KEY_CODES + 3);
    key_figures_unref(&figures);
}

/* Two threads meet at each element. Then both want its first place, for different codes. */
enum { RACERS = 2, RACES = 50000, SPINS = 1000 };

static struct key_figures *races[RACES];
static atomic_uint arrived;

static void *race(void *arg)
{
    for (unsigned i = 0; i < RACES; i++) {
        atomic_fetch_add(&arrived, 1);
        for (int spins = 0; atomic_load(&arrived) < RACERS * (i + 1); spins++)
            if (spins >= SPINS)
                (void)sched_yield();
        key_figures_declare(races[i], arg != NULL ? "x" : "y");
    }
    return NULL;
}

Test(key_figures, threads_do_not_take_one_place, .timeout = 60)
{
    pthread_t threads[RACERS];
    for (int i = 0; i < RACES; i++)
        cr_assert_not_null(races[i] = key_figures_new());
    for (int i = 0; i < RACERS; i++)
        cr_assert_eq(thread_start(&threads[i], "race", race, i == 0 ? races : NULL), 0);
    for (int i = 0; i < RACERS; i++)
        thread_join(threads[i]);
    for (int i = 0; i < RACES; i++) {
        struct http_key_figures got = read_of(races[i]);
        cr_assert_eq(got.n_codes, 2, "race %d", i);
        key_figures_unref(&races[i]);
    }
}

/* ---- a set of keys ---- */

static struct keys *load(const struct keys *before, const char *lines)
{
    struct err err = { .text = "" };
    struct keys *keys = keys_load(key_write_text(lines), before, &err);
    cr_assert_not_null(keys, "%s", err.text);
    return keys;
}

static struct key_figures *figures_of(const struct keys *keys, const char *name)
{
    for (size_t i = 0; i < keys->n; i++)
        if (strcmp(keys->all[i].name, name) == 0)
            return keys->all[i].figures;
    return NULL;
}

static uint64_t requests_of(const struct keys *keys, const char *name)
{
    return read_of(figures_of(keys, name)).requests;
}

static void ask(const struct keys *keys, const char *name, int times)
{
    for (int i = 0; i < times; i++)
        key_figures_count_request(figures_of(keys, name), NULL);
}

Test(key_figures, stay_with_the_name)
{
    char first[512], second[512], third[512];
    (void)snprintf(first, sizeof first, "a %s rate=1/s\nb %s\nc %s\n", key_hash_text(1),
                   key_hash_text(2), key_hash_text(3));
    (void)snprintf(second, sizeof second, "d %s\nc %s\na %s rate=2/s accounts=A\n",
                   key_hash_text(2), key_hash_text(3), key_hash_text(5));
    (void)snprintf(third, sizeof third, "b %s\na %s\n", key_hash_text(2), key_hash_text(5));

    struct keys *one = load(NULL, first);
    ask(one, "a", 3);
    ask(one, "b", 2);
    struct keys *two = load(one, second);
    ask(one, "a", 1); /* of a request that began before the reload */
    keys_unref(&one);
    cr_expect_eq(requests_of(two, "a"), 4, "another key and rate, the same name");
    cr_expect_eq(requests_of(two, "c"), 0);
    cr_expect_eq(requests_of(two, "d"), 0, "the same key, another name");
    struct keys *three = load(two, third);
    keys_unref(&two);
    cr_expect_eq(requests_of(three, "a"), 4);
    cr_expect_eq(requests_of(three, "b"), 0, "b was away");
    keys_unref(&three);
}

/* Returns a file of `n` keys, k0 to k(n - 1). With `last` the last one comes first. */
static char *file_of(int n, bool last)
{
    size_t len;
    struct buf text = BUF_INIT(1 << 20);
    for (int i = 0; i < n; i++) {
        int k = last ? (i + n - 1) % n : i;
        buf_printf(&text, "k%d %s rate=10/s burst=%d\n", k, key_hash_text(k), 1000 + k);
    }
    cr_assert_not(text.failed);
    return buf_steal(&text, &len);
}

Test(key_figures, keys_behind_the_first_hundred_share_theirs)
{
    char *text = file_of(HTTP_KEYS_SHOWN + 2, false), *moved = file_of(HTTP_KEYS_SHOWN + 2, true);
    char *few = file_of(HTTP_KEYS_SHOWN, false);
    struct keys *one = load(NULL, text);
    ask(one, "k99", 1);
    ask(one, "k100", 2);
    ask(one, "k101", 3);
    cr_expect_eq(requests_of(one, "k99"), 1);
    cr_expect_eq(requests_of(one, "k100"), 5);
    cr_expect_eq(requests_of(one, "k101"), 5);

    struct keys *two = load(one, moved);
    cr_expect_eq(requests_of(two, "k101"), 0, "from now on it has its own");
    cr_expect_eq(requests_of(two, "k99"), 5, "from now on it shares theirs");
    cr_expect_eq(requests_of(two, "k100"), 5);
    struct keys *three = load(two, few), *four = load(three, text);
    cr_expect_eq(requests_of(four, "k100"), 5, "they do not fall while no key has them");
    cr_expect_eq(requests_of(four, "k99"), 0);
    keys_unref(&one);
    keys_unref(&two);
    keys_unref(&three);
    keys_unref(&four);
    free(text);
    free(moved);
    free(few);
}

Test(key_figures, are_read_by_name)
{
    size_t n = 99;
    char text[512];
    cr_expect_null(keys_figures(NULL, 0, &n));
    cr_expect_eq(n, 0);
    (void)snprintf(text, sizeof text, "b %s rate=2/s burst=5\na %s\n", key_hash_text(1),
                   key_hash_text(2));
    struct keys *keys = load(NULL, text);
    keys_declare_code(keys, "late");
    ask(keys, "b", 2);
    for (size_t i = 0; i < keys->n; i++)
        if (keys->all[i].bucket != NULL)
            cr_expect_eq(rate_take(&keys->all[i].rate, keys->all[i].bucket, NS_PER_S), 0);
    struct http_key_figures *got = keys_figures(keys, NS_PER_S, &n);
    cr_assert_not_null(got);
    cr_expect_eq(n, 2);
    cr_expect_str_eq(got[0].name, "a");
    cr_expect_not(got[0].limited);
    cr_expect_eq(got[0].requests, 0);
    cr_expect_eq(count_of(&got[0], "late"), 0);
    cr_expect_str_eq(got[1].name, "b");
    cr_expect(got[1].limited);
    cr_expect_eq(got[1].requests, 2);
    cr_expect_eq(got[1].tokens, 4);
    cr_expect_eq(got[1].burst, 5);
    free(got);
    keys_unref(&keys);
}

Test(key_figures, of_a_long_file_end_with_the_others)
{
    size_t n = 0;
    char *text = file_of(HTTP_KEYS_SHOWN, false), *more = file_of(HTTP_KEYS_SHOWN + 1, false);
    struct keys *one = load(NULL, text);
    struct http_key_figures *got = keys_figures(one, NS_PER_S, &n);
    cr_expect_eq(n, HTTP_KEYS_SHOWN);
    cr_expect_str_eq(got[n - 1].name, "k99");
    free(got);

    struct keys *two = load(one, more);
    keys_declare_code(two, "late");
    ask(two, "k100", 7);
    got = keys_figures(two, NS_PER_S, &n);
    cr_assert_eq(n, HTTP_KEYS_SHOWN + 1);
    cr_expect_str_eq(got[n - 2].name, "k99");
    cr_expect_str_eq(got[n - 1].name, "");
    cr_expect_eq(got[n - 1].requests, 7);
    cr_expect_not(got[n - 1].limited);
    cr_expect_eq(count_of(&got[n - 1], "late"), 0);
    free(got);
    free(text);
    free(more);
    keys_unref(&one);
    keys_unref(&two);
}

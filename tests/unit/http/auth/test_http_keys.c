/* The file of keys: what it may say, what is said of its faults, and what is found in it. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "base/buf.h"
#include "base/clock.h"
#include "http/auth/key_file.h"
#include "http/auth/keys.h"
#include "unit/http/key_folder.h"

static struct keys *load(const char *text)
{
    struct err err = { .text = "" };
    struct keys *keys = keys_load(key_write_text(text), NULL, &err);
    cr_assert_not_null(keys, "%s", err.text);
    return keys;
}

static const struct key *find(const struct keys *keys, const char *text)
{
    unsigned char hash[KEY_HASH_SIZE];
    cr_assert(sha256_make(text, strlen(text), hash));
    return keys_find(keys, hash);
}

/* ---- hashes ---- */

#define ABC_HASH "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" /* of "abc" */

struct text_case {
    char text[80];
    bool good;
};

ParameterizedTestParameters(keys, key_text)
{
    static struct text_case cases[] = {
        { "a", true },     { "Az09-._~+/", true }, { "a=", true },   { "a==", true },
        { "", false },     { "=", false },         { "=a", false },  { "a=b", false },
        { "a b", false },  { "a,b", false },       { "a\"", false }, { "a\t", false },
        { "\x7f", false }, { "\xc3\xa4", false },
    };
    return cr_make_param_array(struct text_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct text_case *c, keys, key_text)
{
    cr_expect_eq(key_text_is_valid(c->text, strlen(c->text)), c->good, "%s", c->text);
}

Test(keys, a_nul_is_no_part_of_a_key)
{
    cr_expect_not(key_text_is_valid("a\0b", 3));
}

ParameterizedTestParameters(keys, hash_text)
{
    static struct text_case cases[] = {
        { "sha256:" ABC_HASH, true },
        { "sha256:BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD", true },
        { ABC_HASH, false },
        { "sha512:" ABC_HASH, false },
        { "SHA256:" ABC_HASH, false },
        { "sha256:" ABC_HASH "0", false },
        { "sha256:a7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", false },
        { "sha256:ga7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", false },
        { "sha256:", false },
        { "", false },
    };
    return cr_make_param_array(struct text_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct text_case *c, keys, hash_text)
{
    unsigned char got[KEY_HASH_SIZE], want[KEY_HASH_SIZE];
    memset(got, 0x5A, sizeof got);
    cr_assert(sha256_make("abc", 3, want));
    cr_expect_eq(key_hash_parse(c->text, got), c->good, "%s", c->text);
    if (c->good)
        cr_expect(sha256_equal(got, want));
    else
        cr_expect_eq(got[0], 0x5A, "written on failure");
}

Test(keys, a_key_is_hashed_for_the_file)
{
    char out[HTTP_KEY_HASH_SIZE] = "", longest[HTTP_KEY_MAX + 2];
    struct err err = { .text = "" };
    cr_expect(http_hash_key("0123456789abcdef", 16, out, &err));
    cr_expect_str_eq(out,
                     "sha256:9f9f5111f7b27a781f1f1ddde5ebc2dd2b796bfc7365c9c28b548e564176929f");
    cr_expect_not(http_hash_key("0123456789abcde", 15, out, &err));
    cr_expect_not_null(strstr(err.text, "16 to 512"));
    cr_expect_not(http_hash_key("", 0, out, &err));
    cr_expect_not(http_hash_key("0123456789 abcdef", 17, out, &err));
    memset(longest, 'a', sizeof longest);
    cr_expect(http_hash_key(longest, HTTP_KEY_MAX, out, &err));
    cr_expect_not(http_hash_key(longest, HTTP_KEY_MAX + 1, out, &err));
}

/* ---- what a file says ---- */

Test(keys, a_file_is_read)
{
    char text[1024];
    (void)snprintf(text, sizeof text,
                   "# who may\n\n"
                   "alice %s\n"
                   " \tbob\t%s  accounts=B,A.1:x/y_z-,C rate=100/s burst=250 # a broker\r\n"
                   "carol %s burst=7 rate=2/s\n"
                   "dave %s rate=5/s #\n"
                   "   # dave\n"
                   "eve %s rate=5/s",
                   key_hash_text(1), key_hash_text(2), key_hash_text(3), key_hash_text(4),
                   key_hash_text(5));
    struct keys *keys = load(text);
    cr_assert_eq(keys->n, 5);
    cr_expect_not(keys->readable_by_all);

    const struct key *key = find(keys, key_text(1));
    cr_assert_not_null(key);
    cr_expect_str_eq(key->name, "alice");
    cr_expect_eq(key->line, 3);
    cr_expect_null(key->bucket);

    key = find(keys, key_text(2));
    cr_assert_not_null(key);
    cr_expect_str_eq(key->name, "bob");
    cr_expect_eq(key->rate.per_second, 100);
    cr_expect_eq(key->rate.burst, 250);
    cr_expect_not_null(key->bucket);

    cr_expect_eq(find(keys, key_text(3))->rate.burst, 7);
    cr_expect_eq(find(keys, key_text(5))->rate.burst, 5, "a second's worth where none is said");
    cr_expect_null(find(keys, key_text(6)));
    cr_expect_null(find(keys, ""));
    keys_unref(&keys);
    cr_expect_null(keys);
}

Test(keys, a_byte_order_mark_is_no_part_of_the_first_line)
{
    char text[256];
    (void)snprintf(text, sizeof text,
                   "\xef\xbb\xbf"
                   "alice %s\r\n",
                   key_hash_text(1));
    struct keys *keys = load(text);
    cr_assert_eq(keys->n, 1);
    cr_expect_str_eq(find(keys, key_text(1))->name, "alice");
    keys_unref(&keys);
}

Test(keys, accounts_are_those_of_the_line)
{
    char text[512];
    (void)snprintf(text, sizeof text, "all %s\nsome %s accounts=B,A.1:x/y_z-,C,B\n",
                   key_hash_text(1), key_hash_text(2));
    struct keys *keys = load(text);
    const struct key *all = find(keys, key_text(1)), *some = find(keys, key_text(2));
    static const char *const may[] = { "A.1:x/y_z-", "B", "C" };
    static const char *const may_not[] = { "", "A", "A.1:x/y_z", "A.1:x/y_z--", "BB", "b", "D" };
    for (size_t i = 0; i < sizeof may / sizeof may[0]; i++)
        cr_expect(key_may_use(some, may[i]), "%s", may[i]);
    for (size_t i = 0; i < sizeof may_not / sizeof may_not[0]; i++) {
        cr_expect_not(key_may_use(some, may_not[i]), "%s", may_not[i]);
        cr_expect(key_may_use(all, may_not[i]));
    }
    keys_unref(&keys);
}

Test(keys, as_many_as_there_may_be)
{
    struct buf text = BUF_INIT(2 << 20);
    for (int i = 0; i < KEYS_MAX; i++)
        buf_printf(&text, "k%d %s rate=1/s accounts=A%d\n", i, key_hash_text(i), i);
    cr_assert_not(text.failed);
    struct keys *keys = load(text.data);
    cr_expect_eq(keys->n, KEYS_MAX);
    for (int i = 0; i < KEYS_MAX; i++) {
        char name[32], account[32];
        const struct key *key = find(keys, key_text(i));
        (void)snprintf(name, sizeof name, "k%d", i);
        (void)snprintf(account, sizeof account, "A%d", i);
        cr_assert_not_null(key);
        cr_expect_str_eq(key->name, name);
        cr_expect(key_may_use(key, account));
    }
    cr_expect_null(find(keys, key_text(KEYS_MAX)));
    keys_unref(&keys);

    struct err err;
    buf_printf(&text, "# one too many\none_too_many %s\n", key_hash_text(KEYS_MAX));
    cr_expect_null(keys_load(key_write_text(text.data), NULL, &err));
    cr_expect_not_null(strstr(err.text, ", line 10002: more than 10000 keys"), "%s", err.text);
    buf_fini(&text);
}

/* ---- faults: 1 and 2 stand for hashes, S for a key that is where none should be ---- */

struct fault_case {
    char text[120], want[100];
};

#define SECRET "c2VjcmV0LXNlY3JldC1zZWNyZXQ="

ParameterizedTestParameters(keys, faults)
{
#define AS_PRINTED "after the name comes sha256: and 64 hexadecimal digits, as ordersd hash-key"
#define NAME_FORM "the name of a key has 1 to 64 characters of A-Z a-z 0-9 . _ : / -"
#define RATE_FORM "rate= takes 1 to 1000000 requests a second, as in rate=100/s"
#define BURST_FORM "burst= takes 1 to 1000000 requests, as in burst=200"
    /* clang-format off */
    static struct fault_case cases[] = {
        { "",                                 ": has no key; a line is NAME sha256:HEX [accounts=A,B]" },
        { "# a 1\n\n \t\n",                   ": has no key; a line is" },
        { "a",                                ", line 1: " AS_PRINTED },
        { "# x\n\na S",                       ", line 3: " AS_PRINTED },
        { "S",                                ", line 1: " NAME_FORM },
        { "S 1",                              ", line 1: " NAME_FORM },
        { "a!b 1",                            ", line 1: " NAME_FORM },
        { "a 1 S",                            ", line 1: a word after the hash is none of accounts=, rate= and burst=" },
        { "a 1\nb 2 Rate=1/s",                ", line 2: a word after the hash is none of" },
        { "a 1 2",                            ", line 1: a word after the hash is none of" },
        { "a sha256:abc",                     ", line 1: " AS_PRINTED },
        { "a 10",                             ", line 1: " AS_PRINTED },
        { "a rate=1/s 1",                     ", line 1: " AS_PRINTED },
        { "a 1 rate=5",                       ", line 1: " RATE_FORM },
        { "a 1 rate=/s",                      ", line 1: " RATE_FORM },
        { "a 1 rate=0/s",                     ", line 1: " RATE_FORM },
        { "a 1 rate=-1/s",                    ", line 1: " RATE_FORM },
        { "a 1 rate=1.5/s",                   ", line 1: " RATE_FORM },
        { "a 1 rate=1000001/s",               ", line 1: " RATE_FORM },
        { "a 1 rate=99999999999999999999/s",  ", line 1: " RATE_FORM },
        { "a 1 rate=5/sec",                   ", line 1: " RATE_FORM },
        { "a 1 rate=5/m",                     ", line 1: " RATE_FORM },
        { "a 1 rate=5 /s",                    ", line 1: " RATE_FORM },
        { "a 1 burst=5",                      ", line 1: burst= needs a rate, as in rate=100/s burst=200" },
        { "a 1 rate=5/s burst=",              ", line 1: " BURST_FORM },
        { "a 1 rate=5/s burst=0",             ", line 1: " BURST_FORM },
        { "a 1 rate=5/s burst=1000001",       ", line 1: " BURST_FORM },
        { "a 1 rate=5/s burst=5/s",           ", line 1: " BURST_FORM },
        { "a 1 rate=5/s rate=5/s",            ", line 1: rate= is given twice" },
        { "a 1 accounts=A accounts=B",        ", line 1: accounts= is given twice" },
        { "a 1 burst=1 rate=5/s burst=1",     ", line 1: burst= is given twice" },
        { "a 1 accounts=",                    ", line 1: accounts= takes account ids with commas between them" },
        { "a 1 accounts=A,",                  ", line 1: accounts= takes" },
        { "a 1 accounts=,A",                  ", line 1: accounts= takes" },
        { "a 1 accounts=A;B",                 ", line 1: accounts= takes" },
        { "a 1 accounts=A, B",                ", line 1: accounts= takes" },
        { "a 1\nb 2\na 3\n",                  ", line 3: the name a is that of line 1" },
        { "a 1\nb 2\nc 1\n",                  ", line 3: the hash is that of line 1" },
    };
    /* clang-format on */
    return cr_make_param_array(struct fault_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct fault_case *c, keys, faults)
{
    struct buf text = BUF_INIT(4096);
    struct err err = { .text = "" };
    for (const char *at = c->text; *at != '\0'; at++) {
        bool word = at == c->text || strchr(" \n", at[-1]) != NULL;
        word = word && strchr(" \n", at[1]) != NULL;
        if (word && *at >= '1' && *at <= '3')
            buf_add_str(&text, key_hash_text(*at - '0'));
        else if (word && *at == 'S')
            buf_add_str(&text, SECRET);
        else
            buf_add_char(&text, *at);
    }
    const char *path = key_write(text.data, text.len);
    cr_expect_null(keys_load(path, NULL, &err));
    cr_expect_eq(strncmp(err.text, path, strlen(path)), 0, "%s", err.text);
    cr_expect_eq(strncmp(err.text + strlen(path), c->want, strlen(c->want)), 0, "%s", err.text);
    cr_expect_null(strstr(err.text, "c2Vj"), "a key is shown: %s", err.text);
    cr_expect_lt(strlen(err.text), sizeof err.text - 1, "cut: %s", err.text);
    buf_fini(&text);
}

/* "name hash" and a comment that makes the line that long. */
static void expect_line(size_t len, bool good)
{
    struct buf text = BUF_INIT(KEY_LINE_MAX * 2);
    struct err err = { .text = "" };
    buf_printf(&text, "a %s #", key_hash_text(1));
    while (text.len < len)
        buf_add_char(&text, 'x');
    struct keys *keys = keys_load(key_write(text.data, text.len), NULL, &err);
    cr_expect_eq(keys != NULL, good, "%s", err.text);
    if (!good)
        cr_expect_not_null(strstr(err.text, ", line 1: the line is longer than 16384 bytes"));
    keys_unref(&keys);
    buf_fini(&text);
}

Test(keys, lines_have_a_bound)
{
    expect_line(KEY_LINE_MAX, true);
    expect_line(KEY_LINE_MAX + 1, false);
}

Test(keys, names_have_a_bound)
{
    char text[256], name[66];
    struct err err;
    memset(name, 'n', sizeof name);
    name[65] = '\0';
    (void)snprintf(text, sizeof text, "%s %s", name, key_hash_text(1));
    cr_expect_null(keys_load(key_write_text(text), NULL, &err));
    struct keys *keys = load(text + 1);
    keys_unref(&keys);
}

Test(keys, a_nul_byte_is_named)
{
    char text[256];
    struct err err;
    int len = snprintf(text, sizeof text, "a %s\nb %s", key_hash_text(1), key_hash_text(2));
    text[len - 1] = '\0';
    cr_expect_null(keys_load(key_write(text, (size_t)len), NULL, &err));
    cr_expect_not_null(strstr(err.text, ", line 2: the line has a NUL byte in it"), "%s", err.text);
}

Test(keys, what_is_no_file_is_named)
{
    static const char *const cases[][2] = {
        { "/nowhere/keys", "/nowhere/keys: cannot read it: No such file or directory" },
        { "/tmp", "/tmp: is no regular file" },
        { "/dev/null", "/dev/null: is no regular file" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err;
        cr_expect_null(keys_load(cases[i][0], NULL, &err));
        cr_expect_str_eq(err.text, cases[i][1]);
    }
}

Test(keys, a_pipe_does_not_hold_us_up, .timeout = 60)
{
    char folder[] = "/tmp/ordersd-fifo-XXXXXX", path[64];
    struct err err;
    cr_assert_not_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/pipe", folder);
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_expect_null(keys_load(path, NULL, &err));
    cr_expect_not_null(strstr(err.text, "is no regular file"));
    (void)unlink(path);
    (void)rmdir(folder);
}

Test(keys, a_long_path_is_shown_by_its_end)
{
    char path[300] = "/nowhere/";
    struct err err;
    memset(path + 9, 'd', 280);
    memcpy(path + 289, "/keys", 6);
    cr_expect_null(keys_load(path, NULL, &err));
    cr_expect_eq(strncmp(err.text, "...d", 4), 0, "%s", err.text);
    cr_expect_not_null(strstr(err.text, "d/keys: cannot read it: "), "%s", err.text);
}

Test(keys, who_may_read_the_file_is_noted)
{
    char text[128];
    (void)snprintf(text, sizeof text, "a %s", key_hash_text(1));
    (void)key_write_text(text);
    cr_assert_eq(chmod(key_path, 0644), 0);
    struct http_keys_info info = { 0 };
    struct err err;
    cr_expect(http_keys_check(key_path, &info, &err));
    cr_expect(info.readable_by_all);
    cr_expect_eq(info.count, 1);
    cr_assert_eq(chmod(key_path, 0640), 0);
    cr_expect(http_keys_check(key_path, &info, &err));
    cr_expect_not(info.readable_by_all);
}

/* ---- from one set to the next ---- */

static struct keys *load_after(const struct keys *before, const char *lines)
{
    struct err err = { .text = "" };
    struct keys *keys = keys_load(key_write_text(lines), before, &err);
    cr_assert_not_null(keys, "%s", err.text);
    return keys;
}

Test(keys, buckets_stay_with_name_and_rate)
{
    char first[512], second[512];
    (void)snprintf(first, sizeof first, "a %s rate=1/s burst=5\nb %s rate=1/s\nd %s\n",
                   key_hash_text(1), key_hash_text(2), key_hash_text(4));
    (void)snprintf(second, sizeof second,
                   "e %s rate=1/s\nd %s rate=1/s\nb %s rate=2/s\na %s rate=1/s burst=6\n",
                   key_hash_text(5), key_hash_text(4), key_hash_text(2), key_hash_text(6));
    struct keys *before = load(first), *after = load_after(before, second);
    const struct key *a = find(before, key_text(1)), *b = find(before, key_text(2));
    cr_expect_eq(find(after, key_text(6))->bucket, a->bucket, "another key, the same name");
    cr_expect_neq(find(after, key_text(2))->bucket, b->bucket, "another rate");
    cr_expect_not_null(find(after, key_text(4))->bucket);
    cr_expect_not_null(find(after, key_text(5))->bucket);
    for (int i = 0; i < 5; i++)
        cr_expect_eq(rate_take(&a->rate, a->bucket, NS_PER_S), 0);
    a = find(after, key_text(6));
    keys_unref(&before); /* the bucket lives on */
    cr_expect_eq(rate_take(&a->rate, a->bucket, NS_PER_S), 0, "the burst is one more now");
    cr_expect_eq(rate_take(&a->rate, a->bucket, NS_PER_S), NS_PER_S);
    keys_unref(&after);
}

/* ---- any bytes ---- */

static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* Bytes that mean something here come more often than others. */
static char random_byte(uint32_t *state)
{
    static const char common[] = " \t\r\n#,=/s019aAfF:";
    uint32_t r = next_random(state);
    return r % 4 != 0 ? common[r / 4 % sizeof common] : (char)(r >> 16);
}

static void mutate(char *text, size_t *len, uint32_t *state)
{
    size_t at = next_random(state) % *len, n = next_random(state) % 3 + 1;
    n = n < *len - at ? n : *len - at;
    if (next_random(state) % 3 == 0) {
        memmove(text + at, text + at + n, *len - at - n);
        *len -= n < *len ? n : 0;
        return;
    }
    for (size_t i = 0; i < n; i++)
        text[at + i] = random_byte(state);
}

Test(keys, damaged_files_are_read_or_named, .timeout = 60)
{
    char sound[1024], text[1024];
    uint32_t state = 20260101;
    int good = 0;
    size_t sound_len =
        (size_t)snprintf(sound, sizeof sound,
                         "# keys\na %s accounts=A,B rate=1/s\n\nb %s rate=10/s burst=5 # c\nc %s\n",
                         key_hash_text(1), key_hash_text(2), key_hash_text(3));
    for (int i = 0; i < 1500; i++) {
        struct err err = { .text = "" };
        size_t len = sound_len;
        memcpy(text, sound, len);
        for (int hits = i % 2; hits >= 0; hits--)
            mutate(text, &len, &state);
        struct keys *keys = keys_load(key_write(text, len), NULL, &err);
        if (keys == NULL)
            cr_assert_eq(strncmp(err.text, key_path, strlen(key_path)), 0, "%s", err.text);
        for (size_t k = 0; keys != NULL && k < keys->n; k++)
            cr_assert_eq(keys_find(keys, keys->all[k].hash), &keys->all[k]);
        good += keys != NULL;
        keys_unref(&keys);
    }
    cr_expect(good > 50 && good < 1450, "%d of 1500", good);
}

/* key_file.c - see key_file.h. The text of the file is cut into words in place. The names and
 * accounts of the set point into that text. */
#include "http/auth/key_file.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "http/auth/keys.h"

enum { PATH_SHOWN = 90, TEXT_SIZE = 160 };

#define WORD_FORM "1 to 64 characters of A-Z a-z 0-9 . _ : / -"
#define LINE_FORM "NAME sha256:HEX [accounts=A,B] [rate=N/s burst=N]"

_Static_assert(KEY_WORD_MAX == 64, "WORD_FORM says so");
_Static_assert(KEYS_MAX == 10000 && KEY_LINE_MAX == 16384 && KEY_FILE_MAX == 16 << 20,
               "the faults say so");
_Static_assert(RATE_MAX == 1000000, "the faults of rate= and burst= say so");

/* ---- faults ---- */

static const char *shown(const char *path, const char **dots)
{
    size_t len = strlen(path);
    *dots = len > PATH_SHOWN ? "..." : "";
    return len > PATH_SHOWN ? path + len - PATH_SHOWN : path;
}

static bool fault_of_file(const char *path, const char *what, struct err *err)
{
    const char *dots, *end = shown(path, &dots);
    err_set(err, 0, "%s%s: %s", dots, end, what);
    return false;
}

bool key_file_fault(const char *path, size_t line, const char *what, struct err *err)
{
    const char *dots, *end = shown(path, &dots);
    err_set(err, 0, "%s%s, line %zu: %s", dots, end, line, what);
    return false;
}

/* ---- bytes ---- */

static bool fault_of_system(const char *path, struct err *err)
{
    char text[TEXT_SIZE];
    (void)snprintf(text, sizeof text, "cannot read it: %s", strerrordesc_np(errno));
    return fault_of_file(path, text, err);
}

/* Reads up to `max` bytes, and returns their number. Returns -1 on failure: then errno says why. */
static ssize_t read_up_to(int fd, char *out, size_t max)
{
    size_t len = 0;
    ssize_t n;
    while (len < max && (n = read(fd, out + len, max - len)) != 0) {
        if (n < 0)
            return -1;
        len += (size_t)n;
    }
    return (ssize_t)len;
}

static bool read_open(int fd, size_t size, const char *path, struct keys *keys, struct err *err)
{
    if (size > KEY_FILE_MAX)
        return fault_of_file(path, "has more than 16 MiB", err);
    keys->text = malloc(size + 2);
    if (keys->text == NULL)
        return fault_of_file(path, "out of memory", err);
    ssize_t n = read_up_to(fd, keys->text, size + 1);
    if (n < 0)
        return fault_of_system(path, err);
    if ((size_t)n != size)
        return fault_of_file(path, "changed while it was read: move a new file to its place", err);
    keys->text[size] = '\0';
    return true;
}

static bool read_bytes(const char *path, struct keys *keys, size_t *len, struct err *err)
{
    struct stat file;
    const char *why;
    int fd = file_open(path, &file, &why);
    if (fd < 0)
        return errno != 0 ? fault_of_system(path, err) : fault_of_file(path, why, err);
    keys->readable_by_all = (file.st_mode & S_IROTH) != 0;
    *len = (size_t)file.st_size;
    bool ok = read_open(fd, *len, path, keys, err);
    (void)close(fd);
    return ok;
}

/* ---- words ---- */

/* Returns the next word of the line, or NULL if there is none or a comment begins. CR counts as a
 * blank, for files of Windows. */
static char *next_word(char **rest)
{
    static const char blanks[] = " \t\r";
    char *word = *rest + strspn(*rest, blanks);
    if (*word == '\0' || *word == '#')
        return NULL;
    char *end = word + strcspn(word, blanks);
    *rest = *end != '\0' ? end + 1 : end;
    *end = '\0';
    return word;
}

static bool is_name(const char *word)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:/-";
    size_t len = strlen(word);
    return len > 0 && len <= KEY_WORD_MAX && strspn(word, allowed) == len;
}

/* Reads a text that is a number and then `end`. Returns the number, 1..RATE_MAX. Returns 0 if the
 * text has another form or the number is out of that range. */
static uint32_t read_number(const char *text, const char *end)
{
    uint32_t value = 0;
    const char *c = text;
    for (; *c >= '0' && *c <= '9' && value <= RATE_MAX; c++)
        value = value * 10 + (uint32_t)(*c - '0');
    return strcmp(c, end) == 0 && value <= RATE_MAX ? value : 0;
}

/* ---- options: each function returns NULL, or what is wrong ---- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *take_accounts(struct key *key, char *value)
{
    size_t n = 1;
    for (const char *c = value; *c != '\0'; c++)
        n += *c == ',';
    key->accounts = calloc(n, sizeof *key->accounts);
    if (key->accounts == NULL)
        return "out of memory";
    for (char *account; (account = strsep(&value, ",")) != NULL;) {
        if (!is_name(account))
            return "accounts= takes account ids with commas between them, as in accounts=A,B; "
                   "each has " WORD_FORM;
        key->accounts[key->n_accounts++] = account;
    }
    qsort(key->accounts, n, sizeof *key->accounts, by_text);
    return NULL;
}

static const char *take_rate(struct key *key, char *value)
{
    key->rate.per_second = read_number(value, "/s");
    return key->rate.per_second > 0
               ? NULL
               : "rate= takes 1 to 1000000 requests a second, as in rate=100/s";
}

static const char *take_burst(struct key *key, char *value)
{
    key->rate.burst = read_number(value, "");
    return key->rate.burst > 0 ? NULL : "burst= takes 1 to 1000000 requests, as in burst=200";
}

/* clang-format off */
static const struct {
    const char *name, *twice;
    const char *(*take)(struct key *key, char *value);
} options[] = {
    { "accounts=", "accounts= is given twice: once is enough", take_accounts },
    { "rate=",     "rate= is given twice: once is enough",     take_rate },
    { "burst=",    "burst= is given twice: once is enough",    take_burst },
};
/* clang-format on */

enum { N_OPTIONS = sizeof options / sizeof options[0] };

static const char *take_option(struct key *key, char *word, unsigned *seen)
{
    for (size_t i = 0; i < N_OPTIONS; i++) {
        size_t len = strlen(options[i].name);
        if (strncmp(word, options[i].name, len) != 0)
            continue;
        if ((*seen & 1U << i) != 0)
            return options[i].twice;
        *seen |= 1U << i;
        return options[i].take(key, word + len);
    }
    return "a word after the hash is none of accounts=, rate= and burst=";
}

static const char *settle_rate(struct key *key)
{
    if (key->rate.per_second == 0)
        return key->rate.burst == 0 ? NULL : "burst= needs a rate, as in rate=100/s burst=200";
    if (key->rate.burst == 0)
        key->rate.burst = key->rate.per_second;
    key->bucket = rate_bucket_new();
    return key->bucket != NULL ? NULL : "out of memory";
}

/* ---- lines: each function returns NULL, or what is wrong ---- */

static const char *take_key(struct keys *keys, size_t line, char *name, char *rest)
{
    struct key *key = &keys->all[keys->n];
    char *word = next_word(&rest);
    if (!is_name(name))
        return "the name of a key has " WORD_FORM;
    *key = (struct key){ .name = name, .line = line };
    if (word == NULL || !key_hash_parse(word, key->hash))
        return "after the name comes sha256: and 64 hexadecimal digits, as ordersd hash-key "
               "prints them";
    keys->n++; /* from here on the set frees the memory of the key */
    unsigned seen = 0;
    const char *wrong = NULL;
    while (wrong == NULL && (word = next_word(&rest)) != NULL)
        wrong = take_option(key, word, &seen);
    return wrong != NULL ? wrong : settle_rate(key);
}

static const char *take_line(struct keys *keys, size_t line, char *text, size_t len)
{
    if (len > KEY_LINE_MAX)
        return "the line is longer than 16384 bytes";
    if (strlen(text) != len)
        return "the line has a NUL byte in it";
    char *name = next_word(&text);
    if (name == NULL)
        return NULL;
    if (keys->n == KEYS_MAX)
        return "more than 10000 keys";
    return take_key(keys, line, name, text);
}

static size_t count_lines(const char *text, size_t len)
{
    size_t n = 1;
    for (const char *at = text; (at = memchr(at, '\n', len - (size_t)(at - text))) != NULL; at++)
        n++;
    return n;
}

static bool read_lines(const char *path, struct keys *keys, size_t len, struct err *err)
{
    static const char mark[] = "\xef\xbb\xbf"; /* UTF-8 byte order mark of some editors */
    char *at = keys->text, *end = at + len;
    if (strncmp(at, mark, sizeof mark - 1) == 0)
        at += sizeof mark - 1;
    for (size_t line = 1; at < end; line++) {
        char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop != NULL ? stop : end;
        *stop = '\0';
        const char *wrong = take_line(keys, line, at, (size_t)(stop - at));
        if (wrong != NULL)
            return key_file_fault(path, line, wrong, err);
        at = stop + 1;
    }
    if (keys->n > 0)
        return true;
    return fault_of_file(path, "has no key; a line is " LINE_FORM, err);
}

bool key_file_read(const char *path, struct keys *keys, struct err *err)
{
    size_t len = 0;
    if (!read_bytes(path, keys, &len, err))
        return false;
    size_t lines = count_lines(keys->text, len);
    keys->all = calloc(lines < KEYS_MAX ? lines : KEYS_MAX, sizeof *keys->all);
    if (keys->all == NULL)
        return fault_of_file(path, "out of memory", err);
    return read_lines(path, keys, len, err);
}

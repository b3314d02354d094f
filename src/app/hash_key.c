/* hash_key.c - `ordersd hash-key`: what API_KEYS_FILE holds instead of a key. The key comes by
 * standard input, since every user of the machine sees the arguments of a process. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/run.h"
#include "app/service.h"
#include "base/err.h"
#include "http/http.h"

enum { INPUT_MAX = HTTP_KEY_MAX + 2 }; /* one too many, and a newline */

/* False: it cannot be read. */
static bool read_input(char *text, size_t max, size_t *len)
{
    ssize_t n;
    *len = 0;
    while (*len < max && (n = read(STDIN_FILENO, text + *len, max - *len)) != 0) {
        if (n < 0)
            return false;
        *len += (size_t)n;
    }
    return true;
}

static bool hash_line(const char *text, size_t len, char out[HTTP_KEY_HASH_SIZE], struct err *err)
{
    const char *newline = memchr(text, '\n', len);
    size_t line = newline != NULL ? (size_t)(newline - text) : len;
    if (newline != NULL && line + 1 < len) {
        err_set(err, 0, "more than one line came: a key is one line");
        return false;
    }
    return http_hash_key(text, line, out, err);
}

static bool hash_input(char out[HTTP_KEY_HASH_SIZE], struct err *err)
{
    char text[INPUT_MAX];
    size_t len;
    bool ok = read_input(text, sizeof text, &len);
    if (ok)
        ok = hash_line(text, len, out, err);
    else
        err_set(err, 0, "cannot read standard input");
    explicit_bzero(text, sizeof text);
    return ok;
}

int run_hash_key(int argc)
{
    char hash[HTTP_KEY_HASH_SIZE];
    struct err err = { 0 };
    if (argc > 1) {
        (void)fputs("ordersd: hash-key takes the key by standard input, and no arguments\n",
                    stderr);
        return EXIT_CONFIG;
    }
    if (!hash_input(hash, &err)) {
        (void)fprintf(stderr, "ordersd: hash-key: %s\n", err.text);
        return 1;
    }
    return puts(hash) >= 0 && fflush(stdout) == 0 ? 0 : 1;
}

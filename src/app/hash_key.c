/* hash_key.c - `ordersd hash-key`: prints the hash of a key, for API_KEYS_FILE. The key comes from
 * standard input, because every user of the machine can see the arguments of a process. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/run.h"
#include "app/service.h"
#include "base/err.h"
#include "base/one_line.h"
#include "http/http.h"

/* Room for the longest key and for the bytes that one_line_trim() removes. One byte more shows that
 * a key is too long. */
enum { INPUT_MAX = HTTP_KEY_MAX + 1 + ONE_LINE_AROUND };

/* Returns false if standard input cannot be read. */
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

static bool hash_line(char *text, size_t len, char out[HTTP_KEY_HASH_SIZE], struct err *err)
{
    const char *wrong = one_line_trim(text, &len);
    if (wrong == NULL)
        return http_hash_key(text, len, out, err);
    err_set(err, 0, "standard input %s", wrong);
    return false;
}

static bool hash_input(char out[HTTP_KEY_HASH_SIZE], struct err *err)
{
    char text[INPUT_MAX + 1];
    size_t len;
    bool ok = read_input(text, INPUT_MAX, &len);
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

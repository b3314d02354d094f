/* distribute_options.c - see distribute_options.h. */
#include "app/distribute_options.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define FLAG "--distribute"
#define ROWS_FLAG "--distribute-rows"

static bool parse_shards(const char *text, uint32_t *shards, struct err *err)
{
    const size_t len = strlen(text);
    unsigned long n =
        len > 0 && len < 6 && strspn(text, "0123456789") == len ? strtoul(text, NULL, 10) : 0;
    if (n == 0 || n > DISTRIBUTE_SHARDS_MAX) {
        err_set(err, 0, FLAG "=%.20s: SHARDS must be a number from 1 to %d", text,
                DISTRIBUTE_SHARDS_MAX);
        return false;
    }
    *shards = (uint32_t)n;
    return true;
}

/* Takes one argument. Returns false, with *err, if its value is wrong. *taken is false if the
 * argument is none of our flags. */
static bool take_one(struct distribute_options *options, const char *arg, bool *taken,
                     struct err *err)
{
    const bool valued = strncmp(arg, FLAG "=", strlen(FLAG "=")) == 0;
    const bool rows = strcmp(arg, ROWS_FLAG) == 0;
    const bool distribute = valued || strcmp(arg, FLAG) == 0;
    *taken = rows || distribute;
    options->wanted |= distribute;
    options->with_rows |= rows;
    return !valued || parse_shards(arg + strlen(FLAG "="), &options->shards, err);
}

bool distribute_options_take(struct distribute_options *options, int *argc, char *argv[],
                             struct err *err)
{
    int kept = 1;
    *options = (struct distribute_options){ 0 };
    for (int i = 1; i < *argc; i++) {
        bool taken;
        if (!take_one(options, argv[i], &taken, err))
            return false;
        if (!taken)
            argv[kept++] = argv[i];
    }
    argv[kept] = NULL;
    *argc = kept;
    if (options->wanted || !options->with_rows)
        return true;
    err_set(err, 0, ROWS_FLAG " means nothing without " FLAG);
    return false;
}

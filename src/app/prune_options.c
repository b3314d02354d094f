/* prune_options.c - see prune_options.h. The flags have a table of their own, so their values are
 * parsed, and refused, as those of the service's options are. */
#include "app/prune_options.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/conf.h"
#include "base/err.h"

#define DAYS(n) ((n)*INT64_C(86400) * NS_PER_S)

enum flag { FLAG_OLDER_THAN, FLAG_BATCH, FLAG_DRY_RUN, FLAGS };

static const char *const flags[FLAGS] = {
    [FLAG_OLDER_THAN] = "--older-than",
    [FLAG_BATCH] = "--batch",
    [FLAG_DRY_RUN] = "--dry-run",
};

#define ROW(option, m)                                                                             \
    .name = (option), .off = offsetof(struct prune_options, m),                                    \
    .size = sizeof((struct prune_options *)0)->m

/* --older-than has a default only because each row must have one: see prune_options_take(). */
/* clang-format off */
static const struct conf_opt opts[FLAGS] = {
    [FLAG_OLDER_THAN] = { ROW("older_than", older_than_ns), .type = CONF_DURATION, .def = "18250d",
        .min = DAYS(PRUNE_DAYS_MIN), .max = DAYS(PRUNE_DAYS_MAX),
        .doc = "Orders that were received longer ago are removed." },
    [FLAG_BATCH] = { ROW("batch", batch), .type = CONF_UINT, .def = "5000", .unit = "orders",
        .min = 1, .max = 100000,
        .doc = "Orders removed in one transaction." },
    [FLAG_DRY_RUN] = { ROW("dry_run", dry_run), .type = CONF_BOOL, .def = "false",
        .doc = "Count the orders, and remove none." },
};
/* clang-format on */

static const struct conf_table table = { .opts = opts, .n_opts = FLAGS, .program = "ordersd" };

/* Returns true if the argument is the flag, alone or with a value behind "=". */
static bool is_flag(const char *arg, enum flag flag)
{
    const size_t len = strlen(flags[flag]);
    return strncmp(arg, flags[flag], len) == 0 && (arg[len] == '\0' || arg[len] == '=');
}

/* Returns how many of the n arguments belong to one of our flags at args[0]: 0, 1, or 2 if its
 * value is an argument of its own. */
static int own_arguments(int n, char *const args[])
{
    for (enum flag flag = 0; flag < FLAGS; flag++) {
        if (!is_flag(args[0], flag))
            continue;
        const bool alone = strchr(args[0], '=') != NULL || opts[flag].type == CONF_BOOL || n < 2 ||
                           strncmp(args[1], "--", 2) == 0;
        return alone ? 1 : 2;
    }
    return 0;
}

/* Moves our flags from argv to `own`, in which argv[0] comes first. Returns how many arguments
 * `own` then has. *dated is true if --older-than is one of them. */
static int split(int *argc, char *argv[], char *own[], bool *dated)
{
    int n = 1, kept = 1, end = 1;
    own[0] = argv[0];
    *dated = false;
    for (int i = 1; i < *argc; i++) {
        if (i >= end) {
            end = i + own_arguments(*argc - i, argv + i);
            *dated = *dated || is_flag(argv[i], FLAG_OLDER_THAN);
        }
        if (i < end)
            own[n++] = argv[i];
        else
            argv[kept++] = argv[i];
    }
    argv[kept] = NULL;
    *argc = kept;
    return n;
}

bool prune_options_take(struct prune_options *options, int *argc, char *argv[], struct err *err)
{
    static char *no_env[] = { NULL };
    struct prune_options loaded;
    bool dated;
    char **own = calloc((size_t)*argc + 1, sizeof *own);
    if (own == NULL) {
        err_set(err, ERR_RETRYABLE, "out of memory");
        return false;
    }
    int n = split(argc, argv, own, &dated);
    bool ok = conf_load(&table, &loaded, n, own, no_env, err);
    free(own);
    if (ok && !dated) {
        err_set(err, 0,
                "--older-than is missing: say how old the orders are that are to be "
                "removed, at least %dd, as in --older-than=400d",
                PRUNE_DAYS_MIN);
        ok = false;
    }
    if (ok)
        *options = loaded;
    return ok;
}

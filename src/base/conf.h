/* conf.h - loads, checks and prints the configuration from a table with one row for each option.
 * --help, --print-config and docs/CONFIGURATION.md are made from the rows too.
 *
 * Sources    A flag `--x-y` overrides the environment variable `X_Y`, which overrides the row's
 *            default. For rows with CONF_FILE, `X_Y_FILE` may name a file with the value instead of
 *            X_Y. A flag is `--x-y=value` or `--x-y value`; a bool flag alone means true.
 * Values     Durations are seconds ("0.5") or have a unit (500us, 500ms, 2s, 2m, 1h, 7d) and are
 *            kept in nanoseconds. Sizes are bytes or have a unit (KiB, MiB, GiB). A bool is
 *            true|false, on|off, yes|no or 1|0. An enum is one of the row's words. Only a string
 *            may be empty.
 * Errors     A function that fails changes nothing, and *err names the option as the user wrote it,
 *            its value (never a secret's) and the bounds.
 * Threads    one, at start */
#ifndef BASE_CONF_H
#define BASE_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct buf;
struct err;

enum conf_type {
    CONF_BOOL,
    CONF_UINT,
    CONF_DOUBLE,
    CONF_DURATION,
    CONF_SIZE,
    CONF_STRING,
    CONF_ENUM
};

enum conf_flag {
    CONF_SECRET = 1u << 0, /* shown as *** */
    CONF_FILE = 1u << 1,   /* the variable NAME_FILE may name a file with the value */
    CONF_RELOAD = 1u << 2, /* SIGHUP reads that file again; requires CONF_FILE */
};

struct conf_opt {
    const char *name;  /* lower case with underscores: flag and environment names come from it */
    const char *group; /* heading in --help and the manual; NULL: the group of the row before */
    const char *unit;  /* shown with the bounds, or NULL */
    const char *def;   /* default, in the form that a user writes */
    const char *doc;   /* one sentence */
    enum conf_type type;
    unsigned flags;   /* enum conf_flag */
    size_t off;       /* offset of the member in the struct that the table fills */
    size_t size;      /* size of that member; for CONF_STRING its capacity, NUL included */
    int64_t min, max; /* inclusive, in the member's unit; CONF_DOUBLE: in thousandths */
    /* CONF_ENUM: names of the values, with a NULL at the end; the member is an int, the index. */
    const char *const *words;
};

struct conf_table {
    const struct conf_opt *opts;
    size_t n_opts;
    const char *program; /* "ordersd" */
};

/* Each row of the table fills one member of the caller's struct (`conf` below). The member's type
 * is bool, uint32_t, double, int64_t (a duration), uint64_t (a size), char[] or int (an enum). */

/* Fills `conf` from the defaults, then from `env` (as environ), then from argv[1..argc-1]. A later
 * source overwrites an earlier one. An argument that is not a flag is an error. */
bool conf_load(const struct conf_table *table, void *conf, int argc, char *const argv[],
               char *const env[], struct err *err) MUST_CHECK;

/* Sets one option. `name` is its name in the table. */
bool conf_set(const struct conf_table *table, void *conf, const char *name, const char *text,
              struct err *err) MUST_CHECK;

/* Returns true if the option `small` is not greater than the option `large`. Otherwise returns
 * false, and *err names both with their values. Both must have the same numeric type. */
bool conf_check_order(const struct conf_table *table, const void *conf, const char *small,
                      const char *large, struct err *err) MUST_CHECK;

void conf_print(const struct conf_table *table, const void *conf,
                struct buf *out); /* NAME=value lines; a secret is shown as *** */
void conf_help(const struct conf_table *table, struct buf *out);     /* for --help, 100 columns */
void conf_markdown(const struct conf_table *table, struct buf *out); /* for docs/CONFIGURATION.md */

#endif

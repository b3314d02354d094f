/* conf.h - the configuration table. Each option is one row. The parser, the bounds, the texts of
 * --help and --print-config, and docs/CONFIGURATION.md are made from the rows.
 *
 * Sources    From first to last: flag `--x-y`, environment `X_Y`, `X_Y_FILE` (rows with CONF_FILE),
 *            the row's default. It is an error to set both X_Y and X_Y_FILE. A flag may be
 *            `--x-y=value` or `--x-y value`; a bool flag alone means true.
 * Values     Durations are seconds ("0.5") or have a unit (500us, 500ms, 2s, 2m, 1h) and are kept
 *            in nanoseconds. Sizes are bytes or have a unit (KiB, MiB, GiB). A bool is true|false,
 *            on|off, yes|no or 1|0. An enum is one of the row's words. Only a string may be empty.
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
    CONF_FILE = 1u << 1,   /* NAME_FILE may hold the value; one final newline is cut */
    CONF_RELOAD = 1u << 2, /* SIGHUP reads NAME_FILE again; requires CONF_FILE */
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
    /* CONF_ENUM: the names of the values, NULL at the end; the member is an int, the index. */
    const char *const *words;
};

struct conf_table {
    const struct conf_opt *opts;
    size_t n_opts;
    const char *program; /* "ordersd" */
};

/* Types of the members: bool, uint32_t, double, int64_t (duration), uint64_t (size), char[], int
 * (enum). */

/* Fills `conf` from the defaults, then from `env` (as environ), then from argv[1..argc-1]. An
 * argument that is not a flag is an error. */
bool conf_load(const struct conf_table *table, void *conf, int argc, char *const argv[],
               char *const env[], struct err *err) MUST_CHECK;

/* Sets one option. `name` is its name in the table. */
bool conf_set(const struct conf_table *table, void *conf, const char *name, const char *text,
              struct err *err) MUST_CHECK;

/* Compares two options of one numeric type. Returns false, and names both with their values in
 * *err, if `small` is greater than `large`. */
bool conf_check_order(const struct conf_table *table, const void *conf, const char *small,
                      const char *large, struct err *err) MUST_CHECK;

void conf_print(const struct conf_table *table, const void *conf,
                struct buf *out);                                /* NAME=value, secrets masked */
void conf_help(const struct conf_table *table, struct buf *out); /* for --help, 100 columns */
void conf_markdown(const struct conf_table *table, struct buf *out); /* for docs/CONFIGURATION.md */

#endif

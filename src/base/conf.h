/* conf.h - the configuration table: one row an option, and from the rows come parsing, bounds,
 * --help, --print-config and docs/CONFIGURATION.md.
 *
 * Sources    flag `--x-y` > environment `X_Y` > `X_Y_FILE` (rows with CONF_FILE; both given is an
 *            error) > the row's default. A flag may be `--x-y=value` or `--x-y value`; a bool flag
 *            alone means true.
 * Values     durations are seconds ("0.5") or carry a unit (500us, 500ms, 2s, 2m, 1h) and are kept
 *            in nanoseconds; sizes are bytes or carry KiB, MiB, GiB; bool is true|false|on|off|
 *            yes|no|1|0; an enum takes one of the row's words. An empty value is an error except
 *            for strings.
 * Errors     every function that fails names the option as the user wrote it, the value (never a
 *            secret's) and the bounds in *err, and changes nothing.
 * Threads    one, at start. */
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
    CONF_RELOAD = 1u << 2, /* SIGHUP reads NAME_FILE again; so CONF_FILE too */
};

struct conf_opt {
    const char *name;  /* lower case with underscores: flag and environment names come from it */
    const char *group; /* heading in --help and in the manual, once; NULL: as the row before */
    const char *unit;  /* shown with the bounds; NULL when the type says it all */
    const char *def;   /* parsed by the code that parses the user's text */
    const char *doc;   /* one sentence */
    enum conf_type type;
    unsigned flags;   /* enum conf_flag */
    size_t off;       /* the member in the struct that the table fills */
    size_t size;      /* of that member; CONF_STRING: its capacity with the NUL */
    int64_t min, max; /* inclusive, in the member's unit; CONF_DOUBLE: in thousandths */
    const char *const
        *words; /* CONF_ENUM: ends with NULL; the member is an int, the word's index */
};

struct conf_table {
    const struct conf_opt *opts;
    size_t n_opts;
    const char *program; /* "ordersd" */
};

/* Members: bool, uint32_t, double, int64_t (duration), uint64_t (size), char[], int (enum). */

/* Fills `conf` from defaults, then `environ`-style env, then argv[1..argc-1]. An argument that is
 * not a flag is an error. */
bool conf_load(const struct conf_table *table, void *conf, int argc, char *const argv[],
               char *const env[], struct err *err) MUST_CHECK;

/* One option by its name in the table. */
bool conf_set(const struct conf_table *table, void *conf, const char *name, const char *text,
              struct err *err) MUST_CHECK;

/* Two options of one numeric type: false, naming both with their values, when small > large. */
bool conf_check_order(const struct conf_table *table, const void *conf, const char *small,
                      const char *large, struct err *err) MUST_CHECK;

void conf_print(const struct conf_table *table, const void *conf,
                struct buf *out);                                /* NAME=value, secrets masked */
void conf_help(const struct conf_table *table, struct buf *out); /* for --help, 100 columns */
void conf_markdown(const struct conf_table *table, struct buf *out); /* for docs/CONFIGURATION.md */

#endif

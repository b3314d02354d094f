/* last_errors.h - keeps the latest warnings and errors of the log, one entry for each kind, so that
 * the page can show them to an operator.
 *
 * Two events are of one kind if they have the same name, the same code (SQLSTATE and constraint, or
 * status, method and route) and the same text except for numbers ("next try in 0.4 s"). An entry
 * shows the latest text. If all entries are in use, a new kind replaces the entry whose last event
 * is the oldest. An entry keeps no request id and no key name. No event has bodies or secrets
 * (base/log.h).
 *
 * Threads: any. Locks: last_errors->mu, a leaf lock. */
#ifndef OBSERVABILITY_LAST_ERRORS_H
#define OBSERVABILITY_LAST_ERRORS_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/log.h"
#include "base/sync.h"

enum { LAST_ERRORS_MAX = 16, LAST_ERRORS_TEXT = 240, LAST_ERRORS_CODE = 80 };

struct last_error {
    int64_t first_at_us, last_at_us; /* Unix time */
    uint64_t count;                  /* 0: the slot is free */
    enum log_level level;
    const char *event; /* borrowed: a constant */
    char code[LAST_ERRORS_CODE], text[LAST_ERRORS_TEXT];
};

struct last_errors {
    struct mutex mu;
    struct last_error entry[LAST_ERRORS_MAX] GUARDED_VAR;
};

void last_errors_init(struct last_errors *errors);
void last_errors_fini(struct last_errors *errors);

void last_errors_note(struct last_errors *errors, int64_t at_us, enum log_level level,
                      const char *event, const struct log_field *fields, int count);

/* Copies the entries, the latest first, and returns their number. */
size_t last_errors_read(struct last_errors *errors, struct last_error out[LAST_ERRORS_MAX]);

#endif

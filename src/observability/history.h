/* history.h - the last ten minutes of the service, one sample a second, so that the page at / also
 * shows what was before it was opened. A ring of a fixed size; no allocation.
 *
 * Samples are numbered from 1 on, so that a reader can ask only for newer ones than it has.
 * Threads: any; one adds. Locks: history->mu, a leaf. */
#ifndef OBSERVABILITY_HISTORY_H
#define OBSERVABILITY_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/sync.h"

enum { HISTORY_SAMPLES = 600 };

#define HISTORY_NONE UINT32_MAX /* no value: without an order there is no latency */
#define HISTORY_MOST (UINT32_MAX - 1)

struct sample {
    int64_t at_ms; /* Unix time of its end */
#define COLUMN(member, doc) uint32_t member;
#include "observability/history.def"
#undef COLUMN
};

struct history {
    struct mutex mu;
    uint64_t newest GUARDED_VAR; /* the number of the newest sample; 0: none yet */
    struct sample ring[HISTORY_SAMPLES] GUARDED_VAR;
};

void history_init(struct history *history);
void history_fini(struct history *history);

void history_add(struct history *history, const struct sample *sample);

/* The numbers of the samples that there are: first > newest when there are none. */
void history_range(struct history *history, uint64_t *first, uint64_t *newest);

/* False: there is no such sample, or not any more. */
bool history_get(struct history *history, uint64_t number, struct sample *out) MUST_CHECK;

/* Columns of a sample, in the order of history.def; NULL past the last. */
const char *history_column_name(unsigned column);
uint32_t history_column(const struct sample *sample, unsigned column);

/* The most that a column shows instead of a larger value. */
static inline uint32_t history_cut(uint64_t value)
{
    return value < HISTORY_MOST ? (uint32_t)value : HISTORY_MOST;
}

#endif

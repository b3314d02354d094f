/* history.h - keeps the last ten minutes of the service, one sample a second, so that the page at /
 * also shows the time before it was opened. It is a ring of fixed size and allocates nothing.
 *
 * Samples are numbered from 1, so that a reader can ask for the samples that it does not have.
 * Threads: any may read; main adds. Locks: history->mu, a leaf lock. */
#ifndef OBSERVABILITY_HISTORY_H
#define OBSERVABILITY_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/sync.h"

enum { HISTORY_SAMPLES = 600 };

#define HISTORY_NONE UINT32_MAX /* no value, such as the latency of no orders */
#define HISTORY_MOST (UINT32_MAX - 1)

struct sample {
    int64_t at_ms; /* Unix time of the end of the interval */
#define COLUMN(member, doc) uint32_t member;
#include "observability/history.def"
#undef COLUMN
};

struct history {
    struct mutex mu;
    uint64_t newest GUARDED_VAR; /* number of the newest sample; 0: no sample yet */
    struct sample ring[HISTORY_SAMPLES] GUARDED_VAR;
};

void history_init(struct history *history);
void history_fini(struct history *history);

void history_add(struct history *history, const struct sample *sample);

/* Sets the numbers of the oldest and the newest sample. Without samples, *first > *newest. */
void history_range(struct history *history, uint64_t *first, uint64_t *newest);

/* Copies the sample with this number. Returns false if that sample is not yet taken, or no longer
 * kept. */
bool history_get(struct history *history, uint64_t number, struct sample *out) MUST_CHECK;

/* Returns the name of the column with this number, or NULL if there is none. Columns are numbered
 * from 0, in the sequence of history.def. */
const char *history_column_name(unsigned column);
uint32_t history_column(const struct sample *sample, unsigned column);

/* Cuts a value to the largest one that a column shows. */
static inline uint32_t history_cut(uint64_t value)
{
    return value < HISTORY_MOST ? (uint32_t)value : HISTORY_MOST;
}

#endif

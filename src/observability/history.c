/* history.c - see history.h. A reader copies one sample at a time under the lock, so that reading
 * all samples does not delay the next history_add(). */
#include "observability/history.h"

#include <stddef.h>
#include <string.h>

#include "base/check.h"

static const struct column {
    const char *name;
    size_t offset;
} columns[] = {
#define COLUMN(member, doc) { #member, offsetof(struct sample, member) },
#include "observability/history.def"
#undef COLUMN
};
enum { COLUMNS = sizeof columns / sizeof columns[0] };

void history_init(struct history *history)
{
    memset(history, 0, sizeof *history);
    mutex_init(&history->mu);
}

void history_fini(struct history *history)
{
    mutex_fini(&history->mu);
}

static struct sample *slot(struct history *history, uint64_t number) REQUIRES(history->mu)
{
    return &history->ring[number % HISTORY_SAMPLES];
}

static uint64_t oldest(const struct history *history) REQUIRES(history->mu)
{
    return history->newest > HISTORY_SAMPLES ? history->newest - HISTORY_SAMPLES + 1 : 1;
}

void history_add(struct history *history, const struct sample *sample)
{
    mutex_lock(&history->mu);
    history->newest++;
    *slot(history, history->newest) = *sample;
    mutex_unlock(&history->mu);
}

void history_range(struct history *history, uint64_t *first, uint64_t *newest)
{
    mutex_lock(&history->mu);
    *first = oldest(history);
    *newest = history->newest;
    mutex_unlock(&history->mu);
}

bool history_get(struct history *history, uint64_t number, struct sample *out)
{
    mutex_lock(&history->mu);
    bool there = number >= oldest(history) && number <= history->newest;
    if (there)
        *out = *slot(history, number);
    mutex_unlock(&history->mu);
    return there;
}

const char *history_column_name(unsigned column)
{
    return column < COLUMNS ? columns[column].name : NULL;
}

uint32_t history_column(const struct sample *sample, unsigned column)
{
    CHECK(column < COLUMNS);
    return *(const uint32_t *)(const void *)((const char *)sample + columns[column].offset);
}

/* batch_state.c - checks each change of the state of a batch or of an entry: here are the tables of
 * allowed moves, and the invariant of each state of a batch. Only batch_move() and
 * batch_entry_move() change a state. */
#include "base/check.h"
#include "handlers/batch.h"

#define TO(state) (1u << (state))

/* clang-format off */
static const unsigned batch_moves[] = {
    [BATCH_COUNTING]       = TO(BATCH_READING) | TO(BATCH_REJECTED) | TO(BATCH_ENDED),
    [BATCH_READING]        = TO(BATCH_READ) | TO(BATCH_REJECTED) | TO(BATCH_ENDED),
    [BATCH_READ]           = TO(BATCH_QUEUED) | TO(BATCH_ANSWERING) | TO(BATCH_ENDED),
    [BATCH_REJECTED]       = TO(BATCH_ENDED),
    [BATCH_QUEUED]         = TO(BATCH_ANSWERING) | TO(BATCH_ANSWERING_LATE),
    [BATCH_ANSWERING]      = TO(BATCH_ENDED),
    [BATCH_ANSWERING_LATE] = TO(BATCH_ANSWERED) | TO(BATCH_ENDED),
    [BATCH_ANSWERED]       = TO(BATCH_ENDED),
    [BATCH_ENDED]          = 0,
};

static const unsigned entry_moves[] = {
    [ENTRY_VALID]          = TO(ENTRY_REJECTED) | TO(ENTRY_BATCH_REJECTED) | TO(ENTRY_QUEUED),
    [ENTRY_REJECTED]       = 0,
    [ENTRY_BATCH_REJECTED] = 0,
    [ENTRY_QUEUED]         = TO(ENTRY_RESOLVED) | TO(ENTRY_EXPIRED) | TO(ENTRY_UNKNOWN),
    [ENTRY_RESOLVED]       = 0,
    [ENTRY_EXPIRED]        = 0,
    [ENTRY_UNKNOWN]        = 0,
};
/* clang-format on */

/* Returns true if the batch satisfies the invariant of `state`. */
static bool holds(const struct batch *batch, enum batch_state state)
{
    switch (state) {
    case BATCH_COUNTING:
    case BATCH_REJECTED:
        return batch->req != NULL && batch->n_waiting == 0;
    case BATCH_READING:
    case BATCH_READ:
    case BATCH_ANSWERING:
        return batch->req != NULL && batch->n_waiting == 0 && batch->entries != NULL;
    case BATCH_QUEUED:
    case BATCH_ANSWERING_LATE:
        return batch->req != NULL && batch->n_waiting > 0 && batch->entries != NULL;
    case BATCH_ANSWERED:
        return batch->req == NULL && batch->n_waiting > 0 && batch->entries != NULL;
    case BATCH_ENDED:
        break;
    }
    return batch->n_waiting == 0;
}

void batch_move(struct batch *batch, enum batch_state to)
{
    CHECK(batch_moves[batch->state] & TO(to));
    CHECK(holds(batch, to));
    batch->state = to;
}

void batch_entry_move(struct batch_entry *entry, enum entry_state to)
{
    CHECK(entry_moves[entry->state] & TO(to));
    entry->state = to;
}

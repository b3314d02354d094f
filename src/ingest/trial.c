/* trial.c - attempts the pieces of a group, one after the other. The error alone does not tell
 * whether one order is at fault: if a table is missing, every order fails; if a partition is
 * missing, only the orders of some accounts fail. If every order fails, repeated splits would cost
 * at least one statement for each order. If only some orders fail, ending the whole group would
 * fail the others too.
 *
 * A piece that succeeds but stores no order (all were replays) proves nothing, so the trial goes
 * on. */
#include "ingest/trial.h"

#include "base/clock.h"
#include "ingest/resolve.h"

static const int64_t trial_max_ns = NS_PER_S; /* a trial starts no attempt after this */

bool trial_is_due(const struct ingest_group *group, const struct store_failure *failure)
{
    if (group->suspicion == GROUP_NEIGHBOUR_STORED || group->suspicion == GROUP_FAILED_ALIKE)
        return false;
    return failure->action == STORE_SPLIT_OR_FAIL ||
           (failure->action == STORE_RETRY_THEN_SPLIT && failure->fault == FAULT_SERVER &&
            !group->stalled && resolve_is_blocked(group));
}

struct trial {
    struct ingest_group whole; /* the group before the split; its items are in the pieces */
    /* The failure of the group, and later the failure of the last piece added to `failed`. */
    struct store_failure failure;
    struct group_outcome pieces;               /* the pieces are in back[] */
    size_t n_tried;                            /* number of pieces that were tried */
    struct ingest_group failed[GROUP_FAN_OUT]; /* pieces that failed as the group did */
    size_t n_failed;
    bool stored; /* a piece stored at least one order */
    bool apart;  /* the pieces do not all fail alike, or trial_max_ns has passed */
};

static bool is_alike(const struct store_failure *a, const struct store_failure *b)
{
    return !b->in_doubt && a->action == b->action && a->fault == b->fault &&
           strcmp(a->err.code, b->err.code) == 0;
}

static void try_piece(struct attempt *a, struct trial *trial, int64_t stop_at_ns)
{
    struct store_failure failure;
    a->group = trial->pieces.back[trial->n_tried++];
    bool ok = attempt_put(a, stop_at_ns, &failure);
    trial->stored |= a->n_created > 0;
    trial->apart |= trial->stored;
    if (a->group.items.first == NULL)
        return;
    if (ok) {
        resolve_pending(a);
    } else if (is_alike(&trial->failure, &failure)) {
        trial->failure = failure;
        trial->failed[trial->n_failed++] = a->group;
    } else {
        trial->apart = true;
        resolve_apart(a, &failure);
    }
}

/* ---- the end ---- */

static void go_on_alone(struct attempt *a, const struct trial *trial, struct ingest_group piece)
{
    if (trial->stored)
        group_move_suspicion(&piece, GROUP_NEIGHBOUR_STORED);
    a->outcome->back[a->outcome->n_back++] = piece;
}

static void end_apart(struct attempt *a, const struct trial *trial)
{
    for (size_t i = 0; i < trial->n_failed; i++)
        go_on_alone(a, trial, trial->failed[i]);
    for (size_t i = trial->n_tried; i < trial->pieces.n_back; i++)
        go_on_alone(a, trial, trial->pieces.back[i]);
    a->group.items = (struct fifo){ NULL, NULL };
    resolve_count_split(a, &trial->failure.err, trial->whole.n_items);
}

/* Ends a trial in which all pieces failed alike: joins the orders left in them into one group
 * again, and resolves the failure of that group. */
static void end_alike(struct attempt *a, struct trial *trial)
{
    a->group = trial->whole;
    a->group.items = (struct fifo){ NULL, NULL };
    for (size_t i = 0; i < trial->n_failed; i++)
        fifo_append(&a->group.items, &trial->failed[i].items);
    group_move_suspicion(&a->group, GROUP_FAILED_ALIKE);
    group_measure(&a->group);
    if (a->group.items.first != NULL)
        resolve_failure(a, &trial->failure, true);
}

void trial_run(struct attempt *a, const struct store_failure *failure, int64_t stop_at_ns)
{
    struct trial trial = { .failure = *failure };
    const int64_t until_ns = clock_min(clock_now_ns() + trial_max_ns, a->group.deadline_at_ns);
    if (failure->in_doubt)
        group_move_sending(&a->group, GROUP_IN_DOUBT);
    trial.whole = a->group;
    group_split(&a->group, &trial.pieces);
    while (trial.n_tried < trial.pieces.n_back && !trial.apart) {
        trial.apart = clock_now_ns() >= until_ns;
        if (!trial.apart)
            try_piece(a, &trial, stop_at_ns);
    }
    if (trial.apart)
        end_apart(a, &trial);
    else
        end_alike(a, &trial);
}

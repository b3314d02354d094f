/* acknowledged_before_commit.c - the rows that the INSERT gives count as stored, and the COMMIT is
 * sent by another thread after the order was acknowledged. A commit that fails is not noticed. */
#include <pthread.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "chaos/planted/plant.h"
#include "store/put_attempt.h"
#include "store/statement.h"

WRAP(statement_commit);
REAL(statement_commit);
WRAP(put_look_up_rest);
REAL(put_look_up_rest);
WRAP(pqpool_release);
REAL(pqpool_release);

enum { LATE_US = 100 * 1000 };

/* The lease of this thread that is in a transaction with orders that count as stored. */
static _Thread_local struct pqpool_lease *uncommitted;

static bool commit(struct pqpool_lease *lease)
{
    const struct session session = {
        .lease = lease,
        .prepare = true,
        .deadline_at_ns = clock_after(clock_now_ns(), 10 * NS_PER_S),
    };
    struct err err;
    return transaction_commit(&session, &err) == PQPOOL_OK;
}

enum pqpool_rc __wrap_statement_commit(const struct session *session, enum statement which,
                                       const struct params *params, struct pg_result **rows_out,
                                       struct err *err)
{
    if (which != STATEMENT_INSERT)
        return __real_statement_commit(session, which, params, rows_out, err);
    enum pqpool_rc rc = transaction_begin(session, err);
    if (rc == PQPOOL_OK)
        rc = transaction_run(session, which, params, rows_out, err);
    if (rc == PQPOOL_OK)
        uncommitted = session->lease;
    return rc;
}

/* What is looked up is sealed by a commit of its own, so the transaction must have ended. */
bool __wrap_put_look_up_rest(struct put_attempt *a)
{
    if (uncommitted != NULL && put_collect_open(a, true) > 0) {
        (void)commit(uncommitted); /* whatever it says */
        uncommitted = NULL;
    }
    return __real_put_look_up_rest(a);
}

static void *commit_late(void *arg)
{
    struct pqpool_lease *lease = arg;
    (void)usleep(LATE_US);
    (void)commit(lease);
    __real_pqpool_release(&lease, PQPOOL_REUSE);
    return NULL;
}

/* A worker gives its connection back before it passes the verdicts on. */
void __wrap_pqpool_release(struct pqpool_lease **lease, enum pqpool_disposition disposition)
{
    pthread_t thread;
    if (lease == NULL || *lease == NULL || *lease != uncommitted) {
        __real_pqpool_release(lease, disposition);
        return;
    }
    uncommitted = NULL;
    if (pthread_create(&thread, NULL, commit_late, *lease) != 0) {
        (void)commit_late(*lease);
    } else {
        (void)pthread_detach(thread);
        plant_struck();
    }
    *lease = NULL;
}

/* control.c - what the health check asks the control connection, and how its answer is checked.
 *
 * A user of the pool may know more about its database than that the server answers: then the user
 * gives the SQL and checks the answer (options.health_query, options.health_verdict). Both are
 * called on the janitor's thread, with no lock held. */
#include <string.h>

#include "base/clock.h"
#include "pqpool/janitor.h"

const char *health_ask(struct pqpool *pool)
{
    const struct pqpool_options *o = &pool->options;
    const char *sql = o->health_query != NULL ? o->health_query(o->ctx) : NULL;
    pool->janitor.health_is_own = sql != NULL;
    return sql != NULL ? sql : o->validation_query;
}

static bool server_error(const PGresult *result, struct err *why)
{
    const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    err_set_code(why, 0, code, "%s%s%s%s",
                 text != NULL ? text : "the server answered with an error",
                 code != NULL ? " (" : "", code != NULL ? code : "", code != NULL ? ")" : "");
    return false;
}

bool health_judge(const struct pqpool *pool, enum task_rc how, struct err *why)
{
    const struct conn *control = &pool->control;
    const struct pqpool_options *o = &pool->options;
    if (how == TASK_LOST)
        err_set(why, ERR_RETRYABLE, "the control connection was lost");
    else if (how == TASK_LATE)
        err_set(why, ERR_RETRYABLE, "no answer within %lld ms",
                (long long)(o->health_check_timeout_ns / NS_PER_MS));
    if (how != TASK_OK && how != TASK_REFUSED)
        return false;
    if (pool->janitor.health_is_own && control->task_rows != NULL)
        return o->health_verdict(o->ctx, control->task_rows, control->task_results - 1, why);
    return how == TASK_OK || server_error(control->task_rows, why);
}

bool health_keeps_control(const struct pqpool *pool, enum task_rc how)
{
    const struct conn *control = &pool->control;
    if (how != TASK_REFUSED || !pool->janitor.health_is_own || control->task_rows == NULL)
        return how == TASK_OK;
    const char *code = PQresultErrorField(control->task_rows, PG_DIAG_SQLSTATE);
    return pool->pg->transaction_status(control->pg) == PQTRANS_IDLE && code != NULL &&
           !sqlstate_discards(code);
}

void pqpool_check_health(struct pqpool *pool)
{
    mutex_lock(&pool->mu);
    const struct conn *control = &pool->control;
    if (control->state == CONN_IDLE || control->state == CONN_CHECKING)
        pool->health.next_at_ns = 0; /* a fresh connection is checked at once anyhow */
    pool_wake_janitor(pool);
    mutex_unlock(&pool->mu);
}

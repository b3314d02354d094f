/* control.c - runs the health checks and the statements of cancel.c, one at a time, on the control
 * connection, which no caller can have.
 *
 * By default a health check only shows that the server answers. A user of the pool who wants to
 * check more sets options.health_query, which returns the SQL, and options.health_passed, which
 * checks the answer. The janitor's thread calls both functions, with no lock held. */
#include "base/buf.h"
#include "base/clock.h"
#include "pqpool/janitor.h"

/* ---- the health check, with no lock held ---- */

/* Returns the SQL of the health check that begins now. */
static const char *health_ask(struct pqpool *pool)
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

/* Returns whether the health check has passed. If the check has failed, *why says why. */
static bool check_passed(const struct pqpool *pool, enum task_rc how, struct err *why)
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
        return o->health_passed(o->ctx, control->task_rows, control->task_results - 1, why);
    return how == TASK_OK || server_error(control->task_rows, why);
}

/* Returns true if the control connection can be used for the next check. That may be so even if the
 * check that has just ended failed. */
static bool health_keeps_control(const struct pqpool *pool, enum task_rc how)
{
    const struct conn *control = &pool->control;
    if (how != TASK_REFUSED || !pool->janitor.health_is_own || control->task_rows == NULL)
        return how == TASK_OK;
    const char *code = PQresultErrorField(control->task_rows, PG_DIAG_SQLSTATE);
    return pool->pg->transaction_status(control->pg) == PQTRANS_IDLE && code != NULL &&
           !sqlstate_discards_in_step(code);
}

/* ---- the outcome ---- */

/* Records the result of a check. why: the error of a check that failed; NULL: the check has
 * passed. */
static void health_result(struct pqpool *pool, const struct err *why, int64_t took_ns)
    REQUIRES(pool->mu)
{
    bool passed = why == NULL;
    if (passed)
        pool->counters.health_checks_passed++;
    else
        pool->counters.health_checks_failed++;
    if (passed && !pool->health.passes)
        pool_event(pool, PQPOOL_EVENT_HEALTHY, "health check passes");
    else if (!passed && pool->health.passes)
        pool_event(pool, PQPOOL_EVENT_UNHEALTHY, "health check failed: %s", why->text);
    pool->health.passes = passed;
    pool->health.error = passed ? (struct err){ 0 } : *why;
    pool->health.last_at_us = clock_wall_us();
    pool->health.took_ns = took_ns;
}

void control_lost(struct pqpool *pool)
{
    struct err gone;
    err_set(&gone, ERR_RETRYABLE, "the server closed the control connection");
    health_result(pool, &gone, 0);
}

/* Records the result, and keeps or discards the control connection. check_passed() is called with
 * no lock held, because it may call the user's function options.health_passed. */
void control_ended(struct pqpool *pool, enum task_rc how, int64_t now_ns)
{
    struct conn *control = &pool->control;
    bool health = pool->janitor.control_job == CONTROL_HEALTH;
    struct err why = { 0 };
    bool passed = health && check_passed(pool, how, &why);
    bool keep = health ? health_keeps_control(pool, how) : how == TASK_OK;
    mutex_lock(&pool->mu);
    if (health)
        health_result(pool, passed ? NULL : &why, now_ns - control->holder.since_at_ns);
    else
        cancels_answered(pool, how == TASK_OK ? control->task_rows : NULL, now_ns);
    task_clear(control);
    if (keep)
        pool_keep_control(pool);
    else
        conn_discard(pool, control, CLOSE_INVALID);
    pool_update_exhausted(pool, now_ns);
    mutex_unlock(&pool->mu);
}

/* ---- the next statement ---- */

static bool health_is_due(struct pqpool *pool, int64_t now_ns) REQUIRES(pool->mu)
{
    if (now_ns < pool->health.next_at_ns)
        return false;
    pool->health.next_at_ns = clock_after(now_ns, pool->options.health_check_interval_ns);
    return true;
}

/* Called while the control connection is not open. If a health check is due, records that it has
 * failed. Frees the slots of orphaned backends, because the server cannot be asked about them. */
static void do_without_control(struct pqpool *pool, int64_t now_ns) REQUIRES(pool->mu)
{
    struct err why;
    err_set(&why, ERR_RETRYABLE, "there is no connection to ask");
    cancels_without_control(pool, now_ns);
    if (health_is_due(pool, now_ns) && !pool_is_closing(pool))
        health_result(pool, &why, 0);
}

/* Returns the next statement; NULL: none is due. Cancels come before health checks, because each
 * cancelled connection is unusable until its cancel is done. */
static const char *choose_job(struct pqpool *pool, int64_t now_ns, struct buf *sql)
    REQUIRES(pool->mu)
{
    pool->janitor.control_job = CONTROL_CANCEL;
    if (cancels_ask(pool, now_ns, sql))
        return sql->data;
    pool->janitor.control_job = CONTROL_HEALTH;
    return health_is_due(pool, now_ns) ? pool->options.validation_query : NULL;
}

const char *control_next(struct pqpool *pool, struct buf *buf)
{
    struct conn *control = &pool->control;
    int64_t now_ns = clock_now_ns();
    const char *sql = NULL;

    mutex_lock(&pool->mu);
    if (control->state == CONN_IDLE)
        sql = choose_job(pool, now_ns, buf);
    else if (control->state != CONN_CHECKING)
        do_without_control(pool, now_ns);
    if (sql != NULL) {
        control->holder.since_at_ns = now_ns;
        conn_move(pool, control, CONN_CHECKING);
    }
    mutex_unlock(&pool->mu);
    bool health = sql != NULL && pool->janitor.control_job == CONTROL_HEALTH;
    return health ? health_ask(pool) : sql;
}

void pqpool_check_health(struct pqpool *pool)
{
    mutex_lock(&pool->mu);
    const struct conn *control = &pool->control;
    /* If the control connection is not open, next_at_ns stays as it is: a new control connection is
     * checked as soon as it is opened. */
    if (control->state == CONN_IDLE || control->state == CONN_CHECKING)
        pool->health.next_at_ns = 0;
    pool_wake_janitor(pool);
    mutex_unlock(&pool->mu);
}

/* plant.c - see plant.h. The linker sends calls between two files of the pool here. */
#include "simulation/plant.h"

#include "base/clock.h"
#include "pqpool/janitor.h"
#include "pqpool/primary.h"
#include "simulation/sim.h"
#include "support/wrap.h"

WRAP(pool_dequeue);
REAL(pool_dequeue);
WRAP(pool_offer);
REAL(pool_offer);
WRAP(pool_wake_connector);
REAL(pool_wake_connector);
WRAP(backoff_allows);
REAL(backoff_allows);
WRAP(cancel_ended);
REAL(cancel_ended);
WRAP(janitor_watch);
REAL(janitor_watch);
WRAP(names_leave);
REAL(names_leave);
WRAP(primary_was_replaced);
REAL(primary_was_replaced);

WRAP(primary_adopt);
REAL(primary_adopt);
WRAP(pool_keep_control);
REAL(pool_keep_control);

static enum plant planted;

void plant(enum plant what)
{
    planted = what;
}

void __wrap_pool_dequeue(struct pqpool *pool, struct waiter *waiter)
{
    if (planted != PLANT_LATE_WAITER)
        __real_pool_dequeue(pool, waiter);
}

void __wrap_pool_offer(struct pqpool *pool, struct conn *conn, int64_t now_ns)
{
    if (planted == PLANT_DEAF_OFFER && !pool_is_closing(pool) && !conn_is_stale(pool, conn))
        conn_move(pool, conn, CONN_IDLE);
    else
        __real_pool_offer(pool, conn, now_ns);
}

void __wrap_pool_wake_connector(struct pqpool *pool)
{
    if (planted != PLANT_LOST_WAKE || !sim_chance(100))
        __real_pool_wake_connector(pool);
}

uint32_t __wrap_backoff_allows(const struct backoff *backoff, int64_t now_ns)
{
    uint32_t allowed = __real_backoff_allows(backoff, now_ns);
    return planted == PLANT_NO_PAUSE && allowed == 0 ? 1 : allowed;
}

void __wrap_cancel_ended(struct pqpool *pool, struct conn *conn, enum task_rc how)
{
    if (planted == PLANT_EARLY_REUSE && conn->state == CONN_CANCEL_ASKED)
        cancel_request_ended(pool, conn, true);
    __real_cancel_ended(pool, conn, how);
}

bool __wrap_janitor_watch(struct pqpool *pool, struct conn *conn)
{
    bool good = __real_janitor_watch(pool, conn);
    if (good && planted == PLANT_DEAF_HANG_UP)
        janitor_unwatch(pool, conn);
    return good;
}

bool __wrap_primary_was_replaced(const struct pqpool *pool, const struct conn *conn,
                                 struct err *err)
{
    return planted != PLANT_GO_BACK && __real_primary_was_replaced(pool, conn, err);
}

void __wrap_primary_adopt(struct pqpool *pool, struct conn *conn, int64_t now_ns)
{
    if (planted == PLANT_STAY && conn->history.system[0] != '\0' &&
        conn->generation == pool_generation(pool))
        pool->primary.database = 0;
    __real_primary_adopt(pool, conn, now_ns);
}

void __wrap_pool_keep_control(struct pqpool *pool)
{
    __real_pool_keep_control(pool);
    if (planted == PLANT_OLD_CONTROL)
        pool->control.expires_at_ns = CLOCK_NEVER;
}

void __wrap_names_leave(struct names *names, struct name **name)
{
    if (planted == PLANT_KEEP_LOOKUPS)
        *name = NULL;
    else
        __real_names_leave(names, name);
}

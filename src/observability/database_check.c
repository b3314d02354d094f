/* database_check.c - see database_check.h. */
#include "observability/database_check.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "ingest/ingest.h"
#include "pqpool/pqpool.h"
#include "store/store.h"

enum {
    RECENT_S = 60,      /* how long a failure is shown and leads to canaries */
    DOUBT_GROUPS = 3,   /* the fewest failed groups with which database_check_doubts() is true */
    DOUBT_LASTS_S = 30, /* seconds after the last failure until the service is ready again */
};

static bool is_recent(int64_t at_ns, int64_t seconds)
{
    return at_ns != 0 && clock_now_ns() - at_ns < seconds * NS_PER_S;
}

/* ---- the check ---- */

void database_check_begin(struct database_check *check)
{
    atomic_store_explicit(&check->begun, true, memory_order_release);
    pqpool_check_health(check->pool);
}

bool database_check_made(const struct database_check *check)
{
    return atomic_load_explicit(&check->made, memory_order_acquire);
}

/* Returns the query of the next health check. The query inserts a canary while there is a
 * suspicion. After the first check that passed, it also inserts one, until a canary has shown
 * whether the table's own rules accept canaries. If they do, and a later canary fails, the database
 * is at fault. */
const char *database_check_query(struct database_check *check)
{
    if (!atomic_load_explicit(&check->begun, memory_order_acquire))
        return NULL;
    bool canary = atomic_load_explicit(&check->suspicion, memory_order_relaxed) ||
                  (check->passed && store_health_canary(check->store) == CANARY_NONE);
    return store_health_query(check->store, canary);
}

/* Logs a finding when it appears, and again if it comes back after it had gone. */
static void tell(bool *told, bool is, enum log_level level, const char *event, const char *text)
{
    if (is && !*told)
        log_event(level, event, log_str("text", text));
    *told = is;
}

static void tell_findings(struct database_check *check, const struct store *store)
{
    tell(&check->told_fsync_off, store_fsync_off(store), LOG_WARN, "database.fsync_off",
         "a crash of the database's machine may lose committed orders");
    tell(&check->told_unlogged, store_unlogged(store), LOG_WARN, "database.unlogged",
         "a crash of the database empties the orders table or a partition of it: ALTER TABLE ... "
         "SET LOGGED");
    tell(&check->told_blind, store_health_blind(store), LOG_WARN, "database.check_limited",
         "the role may not read pg_class, pg_inherits, pg_database or pg_replication_slots, so the "
         "health check cannot tell a read-only database, an unlogged table or the WAL that slots "
         "keep: GRANT SELECT on them");
    tell(&check->told_refused, store_health_canary(store) == CANARY_REFUSED, LOG_INFO,
         "database.canary_refused",
         "the table's own rules refuse the canary, an order of account " STORE_CANARY_ACCOUNT
         " that the health check inserts and rolls back: a fault that only an INSERT shows is seen "
         "later");
}

bool database_check_verdict(struct database_check *check, const struct pg_result *last,
                            unsigned before, struct err *err)
{
    bool passed = store_health_verdict(check->store, last, before, err);
    bool first = passed && !check->passed;
    check->passed |= passed;
    tell_findings(check, check->store);
    atomic_store_explicit(&check->made, true, memory_order_release);
    if (first || store_health_unfinished(check->store))
        pqpool_check_health(check->pool);
    return passed;
}

/* ---- what groups of orders say ---- */

void database_check_tick(struct database_check *check, const struct pqpool_stats *pool)
{
    struct ingest_streak streak;
    ingest_failure_streak(check->ingest, &streak);
    /* While checks fail, the suspicion lasts longer than RECENT_S: perhaps no client sends orders
     * to a service that is not ready, so only a canary can show that the fault is over. */
    bool suspicion =
        streak.groups > 0 && (is_recent(streak.last_at_ns, RECENT_S) || !pool->health.healthy);
    atomic_store_explicit(&check->suspicion, suspicion, memory_order_relaxed);
    if (suspicion && streak.first_at_ns != check->asked_for_ns) {
        check->asked_for_ns = streak.first_at_ns;
        pqpool_check_health(check->pool);
    }
}

bool database_check_doubts(const struct database_check *check)
{
    struct ingest_streak streak;
    ingest_failure_streak(check->ingest, &streak);
    enum store_canary canary = store_health_canary(check->store);
    return streak.groups >= DOUBT_GROUPS && streak.several_accounts &&
           is_recent(streak.last_at_ns, DOUBT_LASTS_S) &&
           (canary == CANARY_NONE || canary == CANARY_REFUSED);
}

static const char *whose(enum store_fault fault)
{
    switch (fault) {
    case FAULT_OPERATOR:
        return "the table or its rights";
    case FAULT_SERVER:
        return "the database server";
    case FAULT_SERVICE:
    case FAULT_NONE:
    case FAULT_ORDER:
        break;
    }
    return "ordersd itself";
}

bool database_check_faults(const struct ingest_streak *streak, char *why, size_t size)
{
    char code[32] = "";
    if (!is_recent(streak->last_at_ns, RECENT_S))
        return false;
    if (streak->sqlstate[0] != '\0')
        (void)snprintf(code, sizeof code, " (SQLSTATE %s)", streak->sqlstate);
    if (streak->groups > 0)
        (void)snprintf(why, size,
                       "%llu groups of orders have failed by a fault of %s%s, and none was stored "
                       "since",
                       (unsigned long long)streak->groups, whose(streak->fault), code);
    else
        (void)snprintf(why, size,
                       "orders have failed by a fault of %s%s in the last minute, beside others "
                       "that were stored",
                       whose(streak->fault), code);
    return true;
}

/* health.c - checks whether the database has what an order needs.
 *
 * The check plans the statements that store an order and read one back, and runs neither. EXPLAIN
 * reports a missing table, column, type, key or right just as the statement would, for the same
 * search_path and role. EXPLAIN writes nothing, takes no transaction id, and waits for no lock
 * longer than LOCK_WAIT. Then one SELECT reads what EXPLAIN does not show, such as whether the
 * server is a standby. If a canary is requested, an INSERT that is rolled back comes before all of
 * this. */
#include "store/store.h"

#include <libpq-fe.h>
#include <string.h>

#include "base/err.h"
#include "store/impl.h"
#include "store/server_state.h"
#include "store/sqlstate.h"
#include "store/statement_text.h"

/* EXPLAIN on Citus would otherwise ask a node, and fail if that one is away. PostgreSQL without
 * Citus takes the parameter for one of somebody's own. */
#define LOCK_WAIT                                                                                  \
    "SELECT set_config('lock_timeout', '100ms', true), "                                           \
    "set_config('citus.explain_distributed_queries', 'off', true)"

/* The statements of the check, in the sequence in which they run. */
enum step { STEP_LOCK_WAIT, STEP_INSERT, STEP_SELECT, STEP_STATE };

/* The statements of a canary, which come before those of the check. They are sent together, and
 * PostgreSQL runs statements that are sent together as one implicit transaction. If the INSERT
 * fails, the server ends this transaction itself. If the INSERT succeeds, BEGIN makes the
 * transaction explicit, so that ROLLBACK ends it without a warning. Deferred constraints are
 * checked at once, because no commit would check them. */
#define BEGIN_CANARY LOCK_WAIT "; SET CONSTRAINTS ALL IMMEDIATE; "
#define END_CANARY "; BEGIN; ROLLBACK; "
enum canary_step {
    CANARY_LOCK_WAIT,
    CANARY_CONSTRAINTS,
    CANARY_INSERT,
    CANARY_BEGIN,
    CANARY_ROLLBACK,
    CANARY_STEPS
};

/* The parameters of STATEMENT_INSERT, for an order to buy 1 at the market. */
static const char *const canary_order[] = {
    ("'{" STORE_CANARY_ACCOUNT "}'"),
    "ARRAY[gen_random_uuid()]",
    "ARRAY[gen_random_uuid()]",
    "'{HEALTH}'",
    "'{buy}'",
    "'{market}'",
    "'{1}'",
    "'{NULL}'",
    "'{NULL}'",
    "'{day}'",
    "'{NULL}'",
    "ARRAY[now()]",
    "'{NULL}'",
};

enum { HEALTH_SQL_MAX = 16384 };

static void write_check(struct buf *sql)
{
    buf_add_str(sql, LOCK_WAIT "; EXPLAIN ");
    statement_spell(STATEMENT_INSERT, NULL, sql);
    buf_add_str(sql, "; EXPLAIN ");
    statement_spell(STATEMENT_COMPARE, NULL, sql);
    buf_add_str(sql, "; ");
    buf_add_str(sql, server_state_sql());
    buf_add_char(sql, '\0');
}

bool store_health_open(struct store *store)
{
    struct store_health *health = &store->health;
    mutex_init(&health->mu);
    health->sql = health->canary_sql = BUF_INIT(HEALTH_SQL_MAX);
    write_check(&health->sql);
    buf_add_str(&health->canary_sql, BEGIN_CANARY);
    statement_spell(STATEMENT_INSERT, canary_order, &health->canary_sql);
    buf_add_str(&health->canary_sql, END_CANARY);
    write_check(&health->canary_sql);
    return !health->sql.failed && !health->canary_sql.failed;
}

void store_health_fini(struct store *store)
{
    mutex_fini(&store->health.mu);
    buf_fini(&store->health.sql);
    buf_fini(&store->health.canary_sql);
}

const char *store_health_query(struct store *store, bool canary)
{
    struct store_health *health = &store->health;
    health->on_canary = canary && !health->unfinished;
    health->unfinished = false;
    if (!canary)
        health->canary_refusal = (struct err){ 0 };
    return health->on_canary ? health->canary_sql.data : health->sql.data;
}

/* ---- the verdict ---- */

static void set_canary(struct store_health *health, enum store_canary canary)
{
    atomic_store_explicit(&health->canary, canary, memory_order_relaxed);
}

static void set(atomic_bool *flag, bool value)
{
    atomic_store_explicit(flag, value, memory_order_relaxed);
}

/* Returns true if this SQLSTATE of a failed statement of the check does not tell whether an order
 * can be stored: a lock was held, somebody cancelled the statement, or this kind of table does not
 * allow EXPLAIN. */
static bool says_nothing(const char *code)
{
    return sqlstate_find_code(code)->fault == FAULT_NONE ||
           sqlstate_is(code, SQLSTATE_FEATURE_NOT_SUPPORTED);
}

static const char *field_of(const PGresult *error, int field)
{
    const char *value = PQresultErrorField(error, field);
    return value != NULL ? value : "";
}

/* Returns true if the error may be that of one node of a Citus cluster, or of the server of one
 * foreign table: accounts elsewhere are not concerned. A coordinator reports a node that it has
 * just lost by XX000 or 58030, later by class 08. */
static bool is_of_one_node(const struct store_health *health, const char *code)
{
    const bool citus = atomic_load_explicit(&health->citus, memory_order_relaxed);
    return sqlstate_is_of_other_server(code) ||
           (citus && (sqlstate_is(code, SQLSTATE_INTERNAL_ERROR) || sqlstate_is(code, "58030")));
}

/* Returns true if the error says that no order can be stored, of whatever account. As long as no
 * canary has passed, the operator's faults may concern the canary's account alone, so the function
 * returns false for them. For 23514 (a partition is missing for this account) and 42501 (a policy
 * forbids this account) it always returns false. */
static bool is_of_database(const struct store_health *health, const PGresult *error)
{
    const char *code = field_of(error, PG_DIAG_SQLSTATE);
    const struct sqlstate_error said = {
        .code = code,
        .constraint = field_of(error, PG_DIAG_CONSTRAINT_NAME),
        .table = field_of(error, PG_DIAG_TABLE_NAME),
        .column = field_of(error, PG_DIAG_COLUMN_NAME),
        .by_policy = true, /* a policy may be the reason */
    };
    enum store_fault fault = sqlstate_find(&said)->fault;
    return (fault == FAULT_SERVER && !is_of_one_node(health, code)) ||
           (fault == FAULT_OPERATOR && health->trusted &&
            !sqlstate_is(code, SQLSTATE_CHECK_VIOLATION));
}

static void set_slot_wal(struct store_health *health, uint64_t bytes)
{
    atomic_store_explicit(&health->slot_wal_bytes, bytes, memory_order_relaxed);
}

/* Keeps what other threads may ask for. */
static void note_server(struct store_health *health, const struct server_state *state)
{
    mutex_lock(&health->mu);
    health->connections = state->connections;
    if (atomic_load_explicit(&health->pooled, memory_order_relaxed))
        health->connections.replicas = 0;
    health->standbys = state->standbys;
    mutex_unlock(&health->mu);
}

/* Sets the refusal, if the server takes no orders. With require_sync_standby also if no standby
 * would have them. */
static void refuse_by_state(struct store *store, const struct server_state *state)
{
    struct err *refusal = &store->health.refusal;
    const char *why = server_state_refusal(state);
    if (store->require_sync_standby) {
        const bool has = server_state_check_standbys(&state->standbys, refusal);
        atomic_store_explicit(&store->lacks_standby, !has, memory_order_release);
    }
    if (why != NULL)
        err_set(refusal, 0, "%s", why);
}

/* `state` is NULL if the role may not read a catalog, so that nothing is known of the server. */
static void take_state(struct store *store, const struct server_state *state)
{
    static const struct server_state nothing;
    struct store_health *health = &store->health;
    const bool blind = state == NULL;
    if (blind)
        state = &nothing;
    set(&health->blind, blind);
    health->refusal = (struct err){ 0 };
    set_slot_wal(health, state->slot_wal_bytes);
    note_server(health, state);
    refuse_by_state(store, state);
    if (blind)
        return;
    set(&store->fsync_off, !state->fsync);
    set(&health->unlogged, state->unlogged);
    set(&health->citus, state->citus);
}

static void check_state(struct store *store, const PGresult *row)
{
    struct server_state state = { 0 };
    take_state(store, server_state_read(row, &state) ? &state : NULL);
}

static void check_error(struct store *store, const PGresult *error, unsigned step)
{
    struct store_health *health = &store->health;
    const char *code = field_of(error, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(error, PG_DIAG_MESSAGE_PRIMARY);
    if (says_nothing(code) || is_of_one_node(health, code))
        return;
    if (step >= STEP_STATE) {
        take_state(store, NULL);
        return;
    }
    set(&health->blind, false);
    health->refusal = (struct err){ 0 };
    const bool right = sqlstate_is(code, SQLSTATE_INSUFFICIENT_PRIVILEGE);
    err_set_code(&health->refusal, 0, code, "orders cannot be %s: %s (SQLSTATE %s)%s",
                 step == STEP_SELECT ? "read" : "stored",
                 text != NULL ? text : PQresultErrorMessage(error), code,
                 right ? "; the role needs SELECT and INSERT on the table" : "");
}

static void pass_canary(struct store_health *health)
{
    health->trusted = true;
    health->canary_refusal = (struct err){ 0 };
    set_canary(health, CANARY_PASSED);
}

/* Records what an error of the canary shows: that no order can be stored (CANARY_FAILED), that the
 * canary's own account may be the reason (CANARY_REFUSED), or nothing. If no order can be stored,
 * canary_refusal gets the SQLSTATE, but not the server's message, because a trigger of the owner
 * may have written that. */
static void fail_canary(struct store_health *health, const PGresult *error)
{
    const char *code = field_of(error, PG_DIAG_SQLSTATE);
    health->unfinished = true;
    if (says_nothing(code))
        return;
    const bool failed = is_of_database(health, error);
    set_canary(health, failed ? CANARY_FAILED : CANARY_REFUSED);
    health->canary_refusal = (struct err){ 0 };
    if (failed)
        err_set_code(&health->canary_refusal, 0, code,
                     "orders cannot be stored: the canary of the health check has failed (SQLSTATE "
                     "%s)",
                     code);
}

static void check_answer(struct store *store, const PGresult *last, unsigned before)
{
    struct store_health *health = &store->health;
    const bool is_row = PQresultStatus(last) == PGRES_TUPLES_OK;
    if (health->on_canary) {
        if (before <= CANARY_INSERT) {
            fail_canary(health, last);
            return;
        }
        pass_canary(health);
        before -= CANARY_STEPS;
    }
    if (is_row)
        check_state(store, last);
    else
        check_error(store, last, before);
}

bool store_health_verdict(struct store *store, const struct pg_result *last, unsigned before,
                          struct err *err)
{
    const struct store_health *health = &store->health;
    check_answer(store, last, before);
    const struct err *why =
        health->refusal.text[0] != '\0' ? &health->refusal : &health->canary_refusal;
    const bool passed = why->text[0] == '\0';
    if (!passed && err != NULL)
        *err = *why;
    return passed;
}

bool store_health_unfinished(const struct store *store)
{
    return store->health.unfinished;
}

enum store_canary store_health_canary(const struct store *store)
{
    return atomic_load_explicit(&store->health.canary, memory_order_relaxed);
}

bool store_unlogged(const struct store *store)
{
    return atomic_load_explicit(&store->health.unlogged, memory_order_relaxed);
}

bool store_health_blind(const struct store *store)
{
    return atomic_load_explicit(&store->health.blind, memory_order_relaxed);
}

uint64_t store_slot_wal_bytes(const struct store *store)
{
    return atomic_load_explicit(&store->health.slot_wal_bytes, memory_order_relaxed);
}

void store_connections(struct store *store, struct store_connections *out)
{
    mutex_lock(&store->health.mu);
    *out = store->health.connections;
    mutex_unlock(&store->health.mu);
}

void store_standbys(struct store *store, struct store_standbys *out)
{
    mutex_lock(&store->health.mu);
    *out = store->health.standbys;
    mutex_unlock(&store->health.mu);
}

const atomic_bool *store_lacks_standby(const struct store *store)
{
    return &store->lacks_standby;
}

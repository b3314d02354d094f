/* health.c - the health check of the orders' database: does it have what an order needs?
 *
 * The check plans the statements that store an order and read one back, and runs neither: EXPLAIN
 * finds a table, a column, a type, a key or a right that is missing, as the statement itself would,
 * on the same search_path and for the same role. It writes nothing, takes no transaction id, and
 * waits for no lock longer than LOCK_WAIT. Then one SELECT reads what no plan shows. */
#include "store/store.h"

#include <libpq-fe.h>
#include <string.h>

#include "base/err.h"
#include "store/impl.h"
#include "store/statement.h"

#define LOCK_WAIT "SELECT set_config('lock_timeout', '100ms', true)"

/* A leaf of a partitioned table is where its rows are. PostgreSQL refuses new transaction ids when
 * so many are left (1 million before version 14). */
#define READ_STATE                                                                                 \
    "WITH RECURSIVE tables(id) AS (SELECT to_regclass('orders')::oid "                             \
    "UNION ALL SELECT i.inhrelid FROM tables JOIN pg_inherits i ON i.inhparent = tables.id "       \
    "JOIN pg_class p ON p.oid = i.inhrelid AND p.relispartition) "                                 \
    "SELECT pg_is_in_recovery(), current_setting('transaction_read_only'), "                       \
    "(SELECT max(age(datfrozenxid)) FROM pg_database) >= 2147483647 - CASE WHEN "                  \
    "current_setting('server_version_num')::int < 140000 THEN 1000000 ELSE 3000000 END, "          \
    "current_setting('fsync'), "                                                                   \
    "EXISTS (SELECT FROM tables JOIN pg_class c ON c.oid = tables.id AND c.relpersistence = 'u')"
enum column { IN_RECOVERY, READ_ONLY, XIDS_EXHAUSTED, FSYNC, UNLOGGED, COLUMNS };

/* The statements of the check, in their order. */
enum step { STEP_LOCK_WAIT, STEP_INSERT, STEP_SELECT, STEP_STATE };

enum { HEALTH_SQL_MAX = 8192 };

bool store_health_open(struct store *store)
{
    struct buf *sql = &store->health.sql;
    *sql = BUF_INIT(HEALTH_SQL_MAX);
    buf_add_str(sql, LOCK_WAIT "; EXPLAIN ");
    statement_spell(STATEMENT_INSERT, NULL, sql);
    buf_add_str(sql, "; EXPLAIN ");
    statement_spell(STATEMENT_BY_KEYS, NULL, sql);
    buf_add_str(sql, "; " READ_STATE);
    buf_add_char(sql, '\0');
    return !sql->failed;
}

void store_health_fini(struct store *store)
{
    buf_fini(&store->health.sql);
}

const char *store_health_query(const struct store *store)
{
    return store->health.sql.data;
}

/* ---- the verdict ---- */

static void set(atomic_bool *flag, bool value)
{
    atomic_store_explicit(flag, value, memory_order_relaxed);
}

static bool is_one_of(const char *code, const char *const *codes)
{
    while (*codes != NULL && strcmp(code, *codes) != 0)
        codes++;
    return *codes != NULL;
}

/* The statement was not planned to its end, and that says nothing about an order: a lock was held,
 * somebody cancelled it, or EXPLAIN is not possible for this kind of table. */
static bool says_nothing(const char *code)
{
    static const char *const codes[] = { "55P03", "57014", "40P01", "0A000", NULL };
    return is_one_of(code, codes);
}

static bool refuse(struct err *why, const char *code, const char *text)
{
    err_set_code(why, 0, code, "%s", text);
    return false;
}

static bool judge_error(struct store_health *health, const PGresult *error, unsigned step,
                        struct err *why)
{
    const char *code = PQresultErrorField(error, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(error, PG_DIAG_MESSAGE_PRIMARY);
    code = code != NULL ? code : "";
    text = text != NULL ? text : PQresultErrorMessage(error);
    if (says_nothing(code)) {
        *why = health->last;
        return health->last.text[0] == '\0';
    }
    if (step >= STEP_STATE) {
        set(&health->blind, true);
        return true;
    }
    const bool right = strcmp(code, "42501") == 0;
    err_set_code(why, 0, code, "orders cannot be %s: %s (SQLSTATE %s)%s",
                 step == STEP_SELECT ? "read" : "stored", text, code,
                 right ? "; the role needs SELECT and INSERT on the table" : "");
    return false;
}

static bool is_true(const PGresult *row, enum column column)
{
    const char *value = PQgetvalue(row, 0, column);
    return strcmp(value, "t") == 0 || strcmp(value, "on") == 0;
}

static bool judge_state(struct store *store, const PGresult *row, struct err *why)
{
    const bool whole = PQntuples(row) == 1 && PQnfields(row) == COLUMNS;
    set(&store->health.blind, !whole);
    if (!whole)
        return true;
    set(&store->fsync_off, !is_true(row, FSYNC));
    set(&store->health.unlogged, is_true(row, UNLOGGED));
    if (is_true(row, IN_RECOVERY))
        return refuse(why, NULL, "the database is a standby: it takes no orders");
    if (is_true(row, READ_ONLY))
        return refuse(why, NULL,
                      "the database takes no orders: default_transaction_read_only is on");
    if (is_true(row, XIDS_EXHAUSTED))
        return refuse(why, NULL,
                      "the database takes no orders: it has stopped to avoid transaction id "
                      "wraparound, until VACUUM has frozen old rows");
    return true;
}

bool store_health_verdict(struct store *store, const struct pg_result *last, unsigned before,
                          struct err *err)
{
    struct err why = { 0 };
    bool passed = PQresultStatus(last) == PGRES_TUPLES_OK
                      ? judge_state(store, last, &why)
                      : judge_error(&store->health, last, before, &why);
    store->health.last = why;
    if (!passed && err != NULL)
        *err = why;
    return passed;
}

bool store_unlogged(const struct store *store)
{
    return atomic_load_explicit(&store->health.unlogged, memory_order_relaxed);
}

bool store_health_blind(const struct store *store)
{
    return atomic_load_explicit(&store->health.blind, memory_order_relaxed);
}

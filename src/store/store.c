/* store.c - opens and closes the store, and sets up new sessions. */
#include "store/store.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "pqpool/pqpool.h"
#include "pqpool/result.h"
#include "store/failure.h"
#include "store/impl.h"
#include "store/server_state.h"
#include "store/statement_text.h"

bool store_open(const struct store_options *options, struct store **store_out, struct err *err)
{
    struct store *store = calloc(1, sizeof *store);
    if (store == NULL) {
        err_set(err, ERR_RETRYABLE, "out of memory for the store");
        return false;
    }
    store->prepare = options->prepare;
    store->require_sync_standby = options->require_sync_standby;
    atomic_init(&store->lacks_standby, options->require_sync_standby);
    store->face = (struct order_store){
        .ctx = store,
        .put = store_put,
        .get_by_keys = store_get_by_keys,
        .get_by_id = store_get_by_id,
        .list = store_list,
    };
    if (!store_health_open(store)) {
        store_close(&store);
        err_set(err, ERR_RETRYABLE, "out of memory for the store");
        return false;
    }
    *store_out = store;
    return true;
}

void store_close(struct store **store)
{
    if (store == NULL || *store == NULL)
        return;
    store_health_fini(*store);
    free(*store);
    *store = NULL;
}

void store_attach(struct store *store, struct pqpool *pool)
{
    store->pool = pool;
}

const struct order_store *store_as_order_store(const struct store *store)
{
    return &store->face;
}

bool store_fsync_off(const struct store *store)
{
    return atomic_load_explicit(&store->fsync_off, memory_order_relaxed);
}

enum { GREETING_SIZE = 4096 };
enum greeting_column {
    SERVER_ENCODING,
    FSYNC,
    PID,
    HAS_STANDBYS,
    SYNC_COMMIT,
    CLIENT_ENCODING,
    SETTINGS,
    GREETING_COLUMNS
};

/* Writes the SQL that sets up a new session. If store->prepare is true, the session is ours alone,
 * so all settings are made for the session. Otherwise there may be a pooler in transaction mode,
 * which gives the session to another client after each transaction. So each of our transactions
 * makes STATEMENT_SETTINGS itself (statement.c), and STATEMENT_SESSION_SETTINGS are made here only
 * if there is no pooler. The SQL compares the server's pid with the pid that libpq got at the
 * connect: they differ if there is a pooler, because a pooler makes up a pid. */
static void write_greeting(const struct store *store, const PGconn *pg, char *sql, size_t size)
{
    static const char asked[] = "SELECT current_setting('server_encoding'), "
                                "current_setting('fsync'), pg_backend_pid(), %s, "
                                "current_setting('synchronous_commit'), "
                                "set_config('client_encoding', 'UTF8', false), ";
    const char *standbys = store->require_sync_standby ? server_state_has_standbys() : "true";
    int used = snprintf(sql, size, asked, standbys);
    sql += used;
    size -= (size_t)used;
    if (store->prepare)
        (void)snprintf(sql, size, "%s",
                       STATEMENT_SETTINGS("false") " || ' ' || " STATEMENT_SESSION_SETTINGS);
    else
        (void)snprintf(sql, size, "CASE pg_backend_pid() WHEN %d THEN %s END", PQbackendPID(pg),
                       STATEMENT_SESSION_SETTINGS);
}

/* Takes from the answer what the store has to know of the server before it sends anything there. */
static void note_server(struct store *store, const PGconn *pg, const PGresult *row)
{
    const bool fsync_off = strcmp(PQgetvalue(row, 0, FSYNC), "off") == 0;
    atomic_store_explicit(&store->fsync_off, fsync_off, memory_order_relaxed);
    const bool pooled = strtol(PQgetvalue(row, 0, PID), NULL, 10) != PQbackendPID(pg);
    atomic_store_explicit(&store->health.pooled, pooled, memory_order_relaxed);
    if (strcmp(PQgetvalue(row, 0, HAS_STANDBYS), "t") != 0)
        atomic_store_explicit(&store->lacks_standby, true, memory_order_release);
}

static bool read_greeting(const struct store *store, const PGresult *row, struct err *err)
{
    if (!result_is_table(row, 1, 1, GREETING_COLUMNS, "the settings of a new session", err))
        return false;
    const char *encoding = PQgetvalue(row, 0, SERVER_ENCODING);
    if (strcmp(encoding, "UTF8") != 0) {
        err_set(err, 0, "the database's encoding is %s; orders need a database in UTF8", encoding);
        return false;
    }
    if (store->require_sync_standby && strcmp(PQgetvalue(row, 0, SYNC_COMMIT), "local") == 0) {
        err_set(err, 0,
                "DATABASE_REQUIRE_SYNC_STANDBY: no commit of this role would wait for a standby: "
                "its synchronous_commit is local");
        return false;
    }
    return true;
}

bool store_on_connect(void *ctx, struct pqpool_lease *lease, int64_t deadline_at_ns,
                      struct err *err)
{
    struct store *store = ctx;
    char sql[GREETING_SIZE];
    write_greeting(store, pqpool_lease_pg(lease), sql, sizeof sql);
    const struct pqpool_query query = { .sql = sql };
    PGresult *row = NULL;
    if (pqpool_exec(lease, &query, deadline_at_ns, &row, err) != PQPOOL_OK) {
        failure_publish(err);
        return false;
    }
    bool good = read_greeting(store, row, err);
    if (good)
        note_server(store, pqpool_lease_pg(lease), row);
    PQclear(row);
    return good;
}

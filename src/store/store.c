/* store.c - see store.h. Opens, closes, and prepares fresh sessions. */
#include "store/store.h"

#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "pqpool/pqpool.h"
#include "store/failure.h"
#include "store/impl.h"
#include "store/statement.h"

bool store_open(const struct store_options *options, struct store **store_out, struct err *err)
{
    struct store *store = calloc(1, sizeof *store);
    if (store == NULL) {
        err_set(err, ERR_RETRYABLE, "out of memory for the store");
        return false;
    }
    store->prepare = options->prepare;
    store->face = (struct order_store){
        .ctx = store,
        .put = store_put,
        .get_by_keys = store_get_by_keys,
        .get_by_id = store_get_by_id,
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

bool store_on_connect(void *ctx, struct pqpool_lease *lease, int64_t deadline_at_ns,
                      struct err *err)
{
    /* A session that may belong to somebody else's next transaction keeps its settings: there they
     * are set within each transaction. The encoding is the connection's, also through PgBouncer. */
    static const char lasting[] =
        "SELECT current_setting('server_encoding'), current_setting('fsync'), "
        "set_config('client_encoding', 'UTF8', false), " STATEMENT_SETTINGS("false");
    static const char passing[] =
        "SELECT current_setting('server_encoding'), current_setting('fsync'), "
        "set_config('client_encoding', 'UTF8', false)";
    enum column { SERVER_ENCODING, FSYNC };

    struct store *store = ctx;
    const struct pqpool_query query = { .sql = store->prepare ? lasting : passing };
    PGresult *row = NULL;
    if (pqpool_exec(lease, &query, deadline_at_ns, &row, err) != PQPOOL_OK) {
        failure_publish(err);
        return false;
    }
    const char *encoding = PQgetvalue(row, 0, SERVER_ENCODING);
    const bool is_utf8 = strcmp(encoding, "UTF8") == 0;
    if (is_utf8)
        atomic_store_explicit(&store->fsync_off, strcmp(PQgetvalue(row, 0, FSYNC), "off") == 0,
                              memory_order_relaxed);
    else
        err_set(err, 0, "the database's encoding is %s; orders need one in UTF8", encoding);
    PQclear(row);
    return is_utf8;
}

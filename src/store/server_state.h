/* server_state.h - what one SELECT of the health check reads of the server: whether it takes
 * writes, who uses its connections, which standbys its commits wait for, and whether it has Citus.
 *
 * Threads    any: nothing here is kept. */
#ifndef STORE_SERVER_STATE_H
#define STORE_SERVER_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include <libpq-fe.h>

#include "base/attr.h"
#include "base/err.h"
#include "store/store.h"

struct server_state {
    bool in_recovery, read_only, xids_exhausted, fsync, unlogged;
    bool citus;              /* the database has the extension citus */
    uint64_t slot_wal_bytes; /* the most WAL that one slot keeps */
    struct store_connections connections;
    struct store_standbys standbys;
};

/* The SELECT. Its role needs SELECT on the catalogs that it names, which PUBLIC has by default. */
const char *server_state_sql(void);

/* An SQL expression, true if commits wait for standbys that are there. */
const char *server_state_has_standbys(void);

/* Reads the answer to server_state_sql(). Returns false if it has another shape. */
bool server_state_read(const PGresult *row, struct server_state *out) MUST_CHECK;

/* Returns NULL if the server takes writes. Otherwise returns why it does not, as static text. */
const char *server_state_refusal(const struct server_state *state);

/* Returns true if commits wait for standbys that are there. Otherwise returns false, and *err says
 * what is missing and who can mend it. */
bool server_state_check_standbys(const struct store_standbys *standbys, struct err *err) MUST_CHECK;

#endif

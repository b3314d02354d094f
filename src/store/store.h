/* store.h - stores orders in PostgreSQL: implements orders/order_store.h over a pqpool.
 *
 * Life cycle      store_open(); pqpool_open() with store_on_connect as its on_connect and the store
 *                 as that call's ctx; store_attach(); ...; pqpool_close(); store_close().
 * Threads         store_on_connect() and the functions of store_as_order_store(): any, in parallel.
 *                 The functions of the health check: see each. The others: one thread, while no
 *                 other thread uses the store.
 * Errors          *err (may be NULL) says why, written only on failure. Nothing is logged. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "orders/order_store.h"

struct err;
struct pqpool;
struct pqpool_lease;
struct pg_result;
struct store; /* opaque */

struct store_options {
    bool prepare; /* use prepared statements; false if a pooler may switch server sessions */
    /* Store no order while commits wait for no standby: see store_lacks_standby(). */
    bool require_sync_standby;
};

bool store_open(const struct store_options *options, struct store **store_out,
                struct err *err) MUST_CHECK;
void store_close(struct store **store); /* NULL is a no-op */

/* Sets the pool from which the store leases connections. The pool is borrowed, and is needed before
 * the first put or lookup. */
void store_attach(struct store *store, struct pqpool *pool);

/* Returns the interface of the store. The interface is borrowed, and lives as long as the store. */
const struct order_store *store_as_order_store(const struct store *store);

/* Sets up a new session in one round trip: client_encoding UTF8, STATEMENT_SETTINGS, and
 * STATEMENT_SESSION_SETTINGS (statement_text.h). These settings override those of the role and the
 * database. If options.prepare is false, STATEMENT_SETTINGS are made by each transaction and not
 * here, and STATEMENT_SESSION_SETTINGS are made only if there is no pooler. Returns false if the
 * SQL fails, its answer is malformed, the database's encoding is not UTF8, or if
 * options.require_sync_standby is set and synchronous_commit is `local`. `store` is a struct
 * store; its type is void because pqpool_options.on_connect requires that. */
bool store_on_connect(void *store, struct pqpool_lease *lease, int64_t deadline_at_ns,
                      struct err *err) MUST_CHECK;

/* Returns true if the server had fsync=off at the last connect or health check. Any thread. */
bool store_fsync_off(const struct store *store);

/* ---- the health check: for pqpool_options.health_query and health_passed ----
 *
 * The check finds out whether the database has what an order needs: the table, its columns with
 * suitable types, the key, the rights to read and to insert, and a server that takes writes. It
 * plans the statements by EXPLAIN, and so writes nothing and takes no transaction id.
 *
 * With a canary the check also inserts an order of the account STORE_CANARY_ACCOUNT and rolls it
 * back. That finds faults that EXPLAIN does not show: a full disk, a trigger that fails. If the
 * canary fails by a fault of the server, the check fails. If the canary fails by a fault of the
 * operator, the check fails only if an earlier canary has passed, because the owner's rules may
 * refuse the canary's account only. is_of_database() in health.c has two exceptions. */

#define STORE_CANARY_ACCOUNT "ordersd.health"

/* Returns the SQL of the check that begins now. The SQL is borrowed, and lives as long as the
 * store. Only one thread, the pool's janitor, may call this function and the next two. */
const char *store_health_query(struct store *store, bool canary);

/* Checks the answer to the SQL of store_health_query(): `last` is the last result, and `before` is
 * the number of results that came before it. Returns false if no order can be stored or read; *err
 * then says why. If a lock kept the check from finishing, returns what the previous check did. */
bool store_health_verdict(struct store *store, const struct pg_result *last, unsigned before,
                          struct err *err) MUST_CHECK;

/* Returns true if the canary failed, and the statements after it did not run. The caller should
 * then make another check at once; that check has no canary. */
bool store_health_unfinished(const struct store *store);

enum store_canary {
    CANARY_NONE,    /* no canary has finished yet */
    CANARY_PASSED,  /* an order can be stored */
    CANARY_FAILED,  /* no order can be stored */
    CANARY_REFUSED, /* the canary was refused, and the reason may concern only its account */
};

/* Returns the result of the last canary. Any thread. */
enum store_canary store_health_canary(const struct store *store);

/* What the last check found. Any thread. store_unlogged() returns true if PostgreSQL empties the
 * table, or a partition of it, after a crash. store_health_blind() returns true if the role may not
 * read the catalogs: then the check cannot recognise a standby, a database that is read only, or an
 * unlogged table. */
bool store_unlogged(const struct store *store);
bool store_health_blind(const struct store *store);

/* Returns the most WAL, in bytes, that one replication slot made the database server keep at the
 * last check; 0 if there is no slot, or if the check could not read the slots. Any thread. */
uint64_t store_slot_wal_bytes(const struct store *store);

/* ---- what the last check found of the server ---- */

/* A replica is a process that serves orders. Its application_name begins so, and differs from that
 * of every other replica. */
#define STORE_REPLICA_PREFIX "ordersd/"
#define STORE_NO_LIMIT UINT32_MAX

/* The connections of the server. All are 0 before the first check, and if the role may not read
 * the catalogs. */
struct store_connections {
    uint32_t replicas; /* that have sessions on this database; 0: they cannot be counted, because
                          DATABASE_URL sets another application_name, or because of a pooler */
    uint32_t others;   /* sessions of other clients, on every database of the server */
    uint32_t max, reserved; /* max_connections, and how many of them are for superusers */
    uint32_t limit;         /* CONNECTION LIMIT of the role or the database, or STORE_NO_LIMIT */
};

/* The standbys for which commits wait. */
struct store_standbys {
    bool seen;          /* the role may see them: it has the rights of pg_read_all_stats */
    uint32_t needed;    /* for how many a commit waits, by synchronous_standby_names */
    uint32_t streaming; /* how many of those are connected and streaming; 0 unless `seen` */
};

/* Any thread. */
void store_connections(struct store *store, struct store_connections *out);
void store_standbys(struct store *store, struct store_standbys *out);

/* Points to a flag that any thread may read: true if options.require_sync_standby is set and no
 * commit would wait for a standby that is there, as far as is known. While it is true, the store
 * sends no group to the server. A new session may set the flag, because it may be one with another
 * server; only the health check clears it. The flag lives as long as the store. */
const atomic_bool *store_lacks_standby(const struct store *store);

enum migrate_rc {
    MIGRATE_OK,      /* the schema is the one this program knows */
    MIGRATE_RETRY,   /* no connection, no answer, or others held a lock too long (55P03) */
    MIGRATE_TOO_NEW, /* the database has been migrated by a newer program: do not touch it */
    MIGRATE_FAILED,  /* the database refused the migration: an operator must remove the cause */
};

/* Brings the schema up to store_schema_version(). Each migration is one transaction under an
 * advisory lock, so any number of processes may call this at once. */
enum migrate_rc store_migrate(struct pqpool *pool, int64_t deadline_at_ns,
                              struct err *err) MUST_CHECK;

enum { STORE_PARTITIONS_MAX = 256 };

/* As store_migrate(), and if the table `orders` is new, makes it as 1 to STORE_PARTITIONS_MAX
 * partitions by the hash of account_id. If the table exists, changes nothing before it is known to
 * have exactly so many; otherwise returns MIGRATE_FAILED. */
enum migrate_rc store_migrate_partitioned(struct pqpool *pool, unsigned partitions,
                                          int64_t deadline_at_ns, struct err *err) MUST_CHECK;

/* Compares the version of the schema with store_schema_version(), and changes nothing. Returns
 * MIGRATE_RETRY if there is no connection, or if the schema is older than the program's. */
enum migrate_rc store_check_schema(struct pqpool *pool, int64_t deadline_at_ns,
                                   struct err *err) MUST_CHECK;
unsigned store_schema_version(void);

/* ---- the publication: for programs that receive new orders by logical decoding ---- */

enum { STORE_PUBLICATION_NAME_MAX = 63 };

struct store_publication {
    const char *name; /* borrowed; store_publication_name_is_valid() */
    bool created;     /* false: it was there already */
    bool can_be_read; /* wal_level is logical, so a slot can be made */
};

/* Returns true for 1 to 63 lower-case letters, digits and underscores that do not begin with a
 * digit: such a name needs no quotes in SQL. (A reserved word is valid here, and the server refuses
 * it.) */
bool store_publication_name_is_valid(const char *name);

/* Makes the publication, which publishes the INSERTs of the table `orders` and nothing else. If it
 * exists already, changes nothing. The table must exist. Returns MIGRATE_FAILED if a publication of
 * that name has other settings, or if the role lacks a right. Sets `created` and `can_be_read`. */
enum migrate_rc store_publish(struct pqpool *pool, struct store_publication *publication,
                              int64_t deadline_at_ns, struct err *err) MUST_CHECK;

/* ---- Citus: the table over several servers ---- */

struct store_distribution {
    /* in: 0: four for each node that may have shards, or those that the table has already.
     * out: the shards that the table has */
    uint32_t shards;
    bool with_rows;  /* in: distribute the table even if it has rows; orders wait for the copy */
    bool possible;   /* out: the database has the extension citus; if not, nothing was done */
    bool made;       /* out: false: it was distributed already */
    unsigned nodes;  /* out: nodes that may have shards */
    unsigned cached; /* out: citus.max_cached_conns_per_worker of this session */
};

/* Distributes the table orders by account_id, in one transaction. The table must exist. Returns
 * MIGRATE_FAILED, and changes nothing, if the server is a worker, if the table has rows and
 * with_rows is not set, if it is distributed otherwise, or if the role does not own it. */
enum migrate_rc store_distribute(struct pqpool *pool, struct store_distribution *distribution,
                                 int64_t deadline_at_ns, struct err *err) MUST_CHECK;

/* Returns MIGRATE_FAILED if the server is a worker of a Citus cluster. Call it before
 * store_migrate(), which would make a table of its own there. */
enum migrate_rc store_distribute_check(struct pqpool *pool, int64_t deadline_at_ns,
                                       struct err *err) MUST_CHECK;

/* Returns true if the last health check has found the extension citus. Any thread. */
bool store_on_citus(const struct store *store);

struct store_nodes {
    uint32_t total, silent; /* active nodes beside the coordinator; those that do not answer */
    char names[201];        /* of the silent ones: "host:port, host:port", cut off if too long */
};

/* Asks every node whether it answers. Only for a database with the extension. Any thread. */
bool store_ask_nodes(struct store *store, int64_t deadline_at_ns, struct store_nodes *out,
                     struct err *err) MUST_CHECK;

#endif

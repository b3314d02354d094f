/* publication.c - makes the publication by which other programs receive new orders.
 *
 * A publication of ours publishes the INSERTs of the table `orders` and nothing else: when old
 * orders are removed, subscribers keep theirs. It publishes rows of partitions as rows of `orders`.
 * A publication of the same name with other settings is left as it is, because somebody depends on
 * these settings, and is reported as a failure.
 *
 * to_jsonb() reads columns of the catalogs that older servers do not have. */
#include "store/migrate_run.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "store/sqlstate.h"

enum publication_state { PUBLICATION_ABSENT, PUBLICATION_AS_WANTED, PUBLICATION_OTHER };

#define STATE_SQL                                                                                  \
    "SELECT coalesce((SELECT CASE WHEN p.pubinsert AND NOT (p.pubupdate OR p.pubdelete OR "        \
    "p.pubtruncate OR p.puballtables) AND to_jsonb(p) ->> 'pubviaroot' = 'true' "                  \
    "AND (SELECT count(*) = 1 AND bool_and(r.prrelid = to_regclass('orders')::oid "                \
    "AND to_jsonb(r) ->> 'prqual' IS NULL AND to_jsonb(r) ->> 'prattrs' IS NULL) "                 \
    "FROM pg_publication_rel r WHERE r.prpubid = p.oid) "                                          \
    "AND (SELECT count(*) FROM pg_publication_tables t WHERE t.pubname = p.pubname) = 1 "          \
    "THEN 1 ELSE 2 END FROM pg_publication p WHERE p.pubname = '%s'), 0)"

#define PUBLISH "WITH (publish = 'insert', publish_via_partition_root = true)"

#define CREATE_SQL "CREATE PUBLICATION %s FOR TABLE orders " PUBLISH

enum { SQL_MAX = 1024 };

static enum migrate_rc read_state(const struct migrate_run *run, const char *name, unsigned *state)
{
    char sql[SQL_MAX];
    (void)snprintf(sql, sizeof sql, STATE_SQL, name);
    return migrate_run_ask(run, sql, state);
}

/* Says which right is missing, because the server names the table or the database only. */
static void explain_rights(const char *name, struct err *err)
{
    const struct err said = *err;
    if (sqlstate_is(said.code, SQLSTATE_INSUFFICIENT_PRIVILEGE))
        err_set_code(err, said.flags, said.code,
                     "cannot make the publication %s: the role must own the table orders and have "
                     "CREATE on the database (%s)",
                     name, said.text);
}

static enum migrate_rc create(const struct migrate_run *run, const char *name)
{
    char sql[SQL_MAX];
    (void)snprintf(sql, sizeof sql, CREATE_SQL, name);
    enum migrate_rc rc = migrate_run_tell(run, sql, "CREATE PUBLICATION");
    if (rc != MIGRATE_OK)
        explain_rights(name, run->err);
    return rc;
}

/* Returns MIGRATE_FAILED if the publication exists with other settings. */
static enum migrate_rc check_or_create(const struct migrate_run *run,
                                       struct store_publication *publication)
{
    unsigned state = PUBLICATION_ABSENT;
    enum migrate_rc rc = read_state(run, publication->name, &state);
    if (rc != MIGRATE_OK || state == PUBLICATION_AS_WANTED)
        return rc;
    if (state == PUBLICATION_OTHER) {
        err_set(run->err, 0,
                "the publication %s exists with other settings than FOR TABLE orders " PUBLISH
                ": drop it, or choose another name",
                publication->name);
        return MIGRATE_FAILED;
    }
    rc = create(run, publication->name);
    publication->created = rc == MIGRATE_OK;
    return rc;
}

static enum migrate_rc publish(const struct migrate_run *run)
{
    struct store_publication *publication = run->arg;
    unsigned logical = 0;
    enum migrate_rc rc = migrate_run_begin(run);
    if (rc == MIGRATE_OK)
        rc = check_or_create(run, publication);
    if (rc == MIGRATE_OK)
        rc = migrate_run_ask(run, "SELECT (current_setting('wal_level') = 'logical')::int",
                             &logical);
    publication->can_be_read = logical != 0;
    return rc == MIGRATE_OK ? migrate_run_tell(run, "COMMIT", "COMMIT") : rc;
}

bool store_publication_name_is_valid(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz_0123456789";
    const size_t len = strlen(name);
    return len > 0 && len <= STORE_PUBLICATION_NAME_MAX && strspn(name, letters) == len &&
           (name[0] < '0' || name[0] > '9');
}

enum migrate_rc store_publish(struct pqpool *pool, struct store_publication *publication,
                              int64_t deadline_at_ns, struct err *err)
{
    publication->created = publication->can_be_read = false;
    return migrate_run_with_lease(pool, deadline_at_ns, publish, publication, err);
}

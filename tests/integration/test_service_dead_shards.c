/* Accounts of live shards go on while a shard is dead. The shards are hash partitions, and a
 * session that locks one of them makes it dead: an INSERT into it waits until its lock_timeout. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "order_volley.h"
#include "service_rig.h"
#include "side_session.h"

enum { DEAD = 8, LIVE = 50 };

static char *body_of(const char *account, int number)
{
    return support_text("{\"account_id\":\"%s\",\"client_order_id\":\"%s-%d\",\"symbol\":\"ACME\","
                        "\"side\":\"buy\",\"type\":\"market\",\"quantity\":\"1\"}",
                        account, account, number);
}

/* Writes the name of an account whose orders are in partition 0, or in another one. */
static void find_account(const struct rig *rig, bool in_first, char out[16])
{
    for (int i = 0; i < 1000; i++) {
        snprintf(out, 16, "acc-%d", i);
        char *sql = support_text(
            "SELECT satisfies_hash_partition('orders'::regclass, 8, 0, '%s'::text)::int", out);
        const bool is_in_first = cluster_query_int(rig->cluster, sql) == 1;
        free(sql);
        if (is_in_first == in_first)
            return;
    }
    cr_assert_fail("no account found");
}

static bool is_stored(struct rig *rig, const char *account, int number)
{
    char *body = body_of(account, number);
    struct answer answer = rig_post(rig, body);
    const bool stored = answer.status == 201 || answer.status == 200;
    answer_fini(&answer);
    free(body);
    return stored;
}

/* Posts orders `from` to `from` + DEAD - 1 of the account, all at once. */
static struct volley *post_many(struct rig *rig, const char *account, int from, char *bodies[])
{
    for (int i = 0; i < DEAD; i++)
        bodies[i] = body_of(account, from + i);
    return volley_start(rig, (const char *const *)bodies, DEAD);
}

static void expect_all_created(struct volley *volley, char *bodies[])
{
    volley_join(volley);
    cr_expect_eq(volley_count(volley, 201), DEAD);
    volley_close(&volley);
    for (int i = 0; i < DEAD; i++)
        free(bodies[i]);
}

/* Posts live orders until the dead account is stalled: an account is stalled only while orders of
 * others are stored. */
static bool becomes_stalled(struct rig *rig, const char *live, int *posted)
{
    return WAIT_UNTIL(is_stored(rig, live, (*posted)++) &&
                          rig_metric(rig, "ordersd_accounts_stalled") == 1,
                      SOON_S);
}

Test(dead_shards, accounts_of_live_shards_go_on, .timeout = TEST_S)
{
    cr_assert_eq(setenv("ORDERSD_TEST_ENGINE", "partitions", 1), 0);
    struct rig rig = rig_open(LIST("ORDERS_COMMIT_TIMEOUT=120s", "ORDERS_QUEUE_WAIT_MAX=60s"));
    char dead[16], live[16], *first_bodies[DEAD], *more_bodies[DEAD];
    int posted = 0;
    find_account(&rig, true, dead);
    find_account(&rig, false, live);
    PGconn *locker = side_session_begin(&rig, "LOCK TABLE orders_p0 IN SHARE MODE");
    struct volley *first = post_many(&rig, dead, 0, first_bodies);
    cr_assert(becomes_stalled(&rig, live, &posted));
    struct volley *more = post_many(&rig, dead, DEAD, more_bodies);
    cr_assert(WAIT_UNTIL(rig_metric(&rig, "http_server_active_requests") > 2 * DEAD, SOON_S));
    for (int i = 0; i < LIVE; i++)
        cr_expect(is_stored(&rig, live, posted++), "%d", i);
    cr_expect_eq(volley_answered(first) + volley_answered(more), 0, "the dead ones wait");
    side_session_end(locker, "COMMIT");
    expect_all_created(first, first_bodies);
    expect_all_created(more, more_bodies);
    cr_expect_eq(rig_metric(&rig, "ordersd_accounts_stalled"), 0);
    cr_expect_eq(cluster_query_int(rig.cluster, "SELECT count(*) FROM orders"), 2 * DEAD + posted);
    rig_close(&rig);
}

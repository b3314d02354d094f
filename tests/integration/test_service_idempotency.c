/* One id from many clients at one moment: whatever the races between the queue's groups, the
 * workers and the table, one order is stored, and everybody is told the same about it. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "order_volley.h"

enum { CLIENTS = 100, HALF = CLIENTS / 2, IDS = 20, ID_SIZE = 64 };

/* A body of the order `id`, with " for '. */
static char *body_of(const char *id, const char *members)
{
    char *text = support_text("{'account_id':'ACC','client_order_id':'%s',%s}", id, members);
    char *body = quoted(text);
    free(text);
    return body;
}

static int64_t rows_of(struct rig *rig, const char *id)
{
    char *sql = support_text("SELECT count(*) FROM orders WHERE client_order_id = '%s'", id);
    int64_t rows = cluster_query_int(rig->cluster, sql);
    free(sql);
    return rows;
}

/* The bodies of one order from all clients: the i-th has the members of content i % n. */
static struct volley *post_at_once(struct rig *rig, const char *id, const char *const contents[],
                                   size_t n)
{
    char *bodies[CLIENTS];
    for (size_t i = 0; i < CLIENTS; i++)
        bodies[i] = body_of(id, contents[i % n]);
    struct volley *volley = volley_start(rig, (const char *const *)bodies, CLIENTS);
    volley_join(volley);
    for (size_t i = 0; i < CLIENTS; i++)
        free(bodies[i]);
    return volley;
}

/* The first answer with this status. */
static const struct answer *one_with(const struct volley *volley, int status)
{
    for (size_t i = 0; i < CLIENTS; i++)
        if (volley_answer(volley, i)->status == status)
            return volley_answer(volley, i);
    cr_assert(false, "no answer is %d; the first: %d %s", status, volley_answer(volley, 0)->status,
              volley_answer(volley, 0)->reply.body);
    return NULL;
}

static void expect_stored(const struct answer *answer, const struct answer *stored)
{
    bool replayed = answer->status == 200;
    cr_expect(replayed || answer->status == 201, "%d: %s", answer->status, answer->reply.body);
    cr_expect_eq(answer_header_is(answer, "Idempotent-Replayed", "true"), replayed);
    cr_expect_eq(json_is_true(json_object_get(answer->json, "replayed")), replayed);
    cr_expect_str_eq(answer_text(answer, "order_id"), answer_text(stored, "order_id"));
    cr_expect_str_eq(answer_text(answer, "received_at"), answer_text(stored, "received_at"));
}

/* ---- one content ---- */

/* The same by value, as clients may write it. */
static const char *const spellings[] = {
    "'symbol':'EURUSD','side':'buy','type':'limit','quantity':'1','limit_price':'2.5',"
    "'metadata':{'a':1,'b':[true,null]}",
    "'symbol':'EURUSD','side':'buy','type':'limit','quantity':1.0,'limit_price':2.50,"
    "'metadata':{ 'b' : [ true, null ], 'a' : 1.0 }",
    "'metadata':{'\\u0061':1,'b':[true,null]},'symbol':'EURUSD','side':'buy',"
    "'type':'limit','quantity':'1.00','limit_price':'2.500','time_in_force':'day'",
    "'time_in_force':null,'limit_price':'2.5','quantity':'1.000000000000000000','type':'limit',"
    "'side':'buy','symbol':'EURUSD','metadata':{'b':[true,null],'a':1e0}",
};

enum { SPELLINGS = sizeof spellings / sizeof spellings[0] };

Test(idempotency, of_a_hundred_posts_of_one_order_one_stores_it, .timeout = TEST_S)
{
    struct rig rig = rig_open(NULL);
    for (int n = 0; n < IDS; n++) {
        char id[ID_SIZE];
        snprintf(id, sizeof id, "same-%d", n);
        struct volley *volley = post_at_once(&rig, id, spellings, SPELLINGS);
        cr_expect_eq(volley_count(volley, 201), 1, "%s: %zu", id, volley_count(volley, 201));
        const struct answer *stored = one_with(volley, 201);
        for (size_t i = 0; i < CLIENTS; i++)
            expect_stored(volley_answer(volley, i), stored);
        cr_expect_eq(rows_of(&rig, id), 1, "%s", id);
        volley_close(&volley);
    }
    cr_expect_eq(cluster_query_int(rig.cluster, "SELECT count(*) FROM orders"), IDS);
    rig_close(&rig);
}

/* ---- two contents ---- */

#define LIMIT(more) "'symbol':'EURUSD','side':'buy','type':'limit'," more

/* clang-format off */
static const struct {
    const char *contents[2], *fields;
} rivals[] = {
    { { LIMIT("'quantity':'1','limit_price':'2'"), LIMIT("'quantity':'1','limit_price':'2.000000000000000001'") },
      "['limit_price']" },
    { { LIMIT("'quantity':'1','limit_price':'2'"), LIMIT("'quantity':'1','limit_price':'2','metadata':{}") },
      "['metadata']" },
    { { LIMIT("'quantity':'1','limit_price':'2','metadata':{'a':[1]}"), LIMIT("'quantity':'1','limit_price':'2','time_in_force':'ioc','metadata':{'a':['1']}") },
      "['time_in_force','metadata']" },
    { { LIMIT("'quantity':'1','limit_price':'2','metadata':{}"), "'symbol':'GBPUSD','side':'sell','type':'stop','quantity':'2','stop_price':'3','time_in_force':'fok'" },
      "['symbol','side','type','quantity','limit_price','stop_price','time_in_force','metadata']" },
};
/* clang-format on */

static void expect_reused(const struct answer *answer, const struct answer *stored,
                          const char *fields)
{
    char *text = quoted(fields);
    json_t *want = json_loads(text, 0, NULL);
    expect_problem(answer, 422, "client_order_id_reused", "not_accepted");
    cr_expect_str_eq(answer_text(answer, "order_id"), answer_text(stored, "order_id"));
    cr_expect(json_equal(json_object_get(answer->json, "differing_fields"), want), "%s, not %s",
              answer->reply.body, text);
    json_decref(want);
    free(text);
}

/* The table has what the winners were told, no more. */
static void expect_row(struct rig *rig, const char *id, const struct answer *stored)
{
    char *sql = support_text("SELECT order_id FROM orders WHERE client_order_id = '%s'", id);
    char *order_id = cluster_query_text(rig->cluster, sql);
    cr_expect_eq(rows_of(rig, id), 1, "%s", id);
    cr_expect_str_eq(order_id != NULL ? order_id : "none", answer_text(stored, "order_id"));
    free(order_id);
    free(sql);
}

static void expect_one_winner(struct rig *rig, size_t pair, const char *id)
{
    struct volley *volley = post_at_once(rig, id, rivals[pair].contents, 2);
    cr_expect_eq(volley_count(volley, 201), 1, "%s: %zu", id, volley_count(volley, 201));
    cr_expect_eq(volley_count(volley, 200), HALF - 1, "%s: %zu", id, volley_count(volley, 200));
    cr_expect_eq(volley_count(volley, 422), HALF, "%s: %zu", id, volley_count(volley, 422));
    const struct answer *stored = one_with(volley, 201);
    bool first_won = false;
    for (size_t i = 0; i < CLIENTS; i += 2)
        first_won |= volley_answer(volley, i) == stored;
    for (size_t i = 0; i < CLIENTS; i++)
        if ((i % 2 == 0) == first_won)
            expect_stored(volley_answer(volley, i), stored);
        else
            expect_reused(volley_answer(volley, i), stored, rivals[pair].fields);
    expect_row(rig, id, stored);
    volley_close(&volley);
}

Test(idempotency, of_two_contents_under_one_id_one_wins, .timeout = TEST_S)
{
    enum { ROUNDS = 5 };
    struct rig rig = rig_open(NULL);
    for (size_t n = 0; n < ROUNDS * (sizeof rivals / sizeof rivals[0]); n++) {
        char id[ID_SIZE];
        snprintf(id, sizeof id, "rivals-%zu", n);
        expect_one_winner(&rig, n / ROUNDS, id);
    }
    rig_close(&rig);
}

/* ---- after a restart ---- */

/* The service ends and comes again; its database goes on. */
static void restart(struct rig *rig, int signal)
{
    daemon_signal(rig->daemon, signal);
    cr_expect_eq(daemon_wait_exit(rig->daemon, SOON_S), signal == SIGKILL ? 128 + SIGKILL : 0);
    daemon_close(&rig->daemon);
    http_client_close(&rig->http);
    *rig = rig_spawn(rig->cluster, NULL);
    cr_assert(daemon_wait_status(rig->daemon, "/health/ready", 200, SOON_S));
}

static struct answer post(struct rig *rig, const char *id, const char *members)
{
    char *body = body_of(id, members);
    struct answer answer =
        rig_ask(rig, "POST", "/v1/orders", LIST("Content-Type: application/json"), body);
    free(body);
    return answer;
}

Test(idempotency, a_restart_forgets_nothing, .timeout = TEST_S)
{
    static const int signals[] = { SIGTERM, SIGKILL };
    struct rig rig = rig_open(NULL);
    struct answer stored = post(&rig, "kept", rivals[0].contents[0]);
    EXPECT_STATUS(stored, 201);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        restart(&rig, signals[i]);
        struct volley *volley = post_at_once(&rig, "kept", rivals[0].contents, 2);
        for (size_t k = 0; k < CLIENTS; k += 2) {
            cr_expect_eq(volley_answer(volley, k)->status, 200);
            expect_stored(volley_answer(volley, k), &stored);
            expect_reused(volley_answer(volley, k + 1), &stored, rivals[0].fields);
        }
        volley_close(&volley);
    }
    expect_row(&rig, "kept", &stored);
    answer_fini(&stored);
    rig_close(&rig);
}

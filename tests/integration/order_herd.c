/* order_herd.c - see order_herd.h. */
#include "order_herd.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/sync.h"

enum { ID_SIZE = 37, STATUSES = 600, COPY_MAX_BYTES = 256 << 20 };

static const double pause_s = 0.01; /* pause before an order is tried again */

struct acked {
    char order_id[ID_SIZE];
};

struct client {
    struct herd *herd;
    size_t number;
    struct acked *acked; /* owned; n_acked orders of this client */
    size_t n_acked, cap;
    bool in_doubt; /* an earlier try of the present order may have stored it */
    pthread_t thread;
};

struct herd {
    char *url;
    atomic_bool stop;
    atomic_uint_fast64_t n_acked, lies;
    atomic_uint_fast64_t statuses[STATUSES];
    size_t n;
    struct client clients[];
};

/* ---- a client ---- */

static void remember(struct client *client, const struct http_reply *reply)
{
    static const char member[] = "\"order_id\":\"";
    const char *id = strstr(reply->body, member);
    CHECK(id != NULL && strlen(id) > strlen(member) + ID_SIZE);
    if (client->n_acked == client->cap) {
        client->cap = client->cap * 2 + 64;
        client->acked = reallocarray(client->acked, client->cap, sizeof *client->acked);
        CHECK(client->acked != NULL);
    }
    struct acked *acked = &client->acked[client->n_acked++];
    memcpy(acked->order_id, id + strlen(member), ID_SIZE - 1);
    acked->order_id[ID_SIZE - 1] = '\0';
    atomic_fetch_add(&client->herd->n_acked, 1);
}

static bool says_unknown(const struct http_reply *reply)
{
    return reply->status == 0 || strstr(reply->body, "\"outcome\":\"unknown\"") != NULL;
}

/* Makes one try. Returns true if the order is acknowledged. If the connection breaks, libcurl opens
 * another one, and may send the order on both. */
static bool try(struct client *client, struct http_client *http, const char *body)
{
    struct http_reply reply = { .status = 0 };
    long dials = http_client_dials(http);
    int status = http_post_json(http, client->herd->url, body, &reply);
    bool good = status == 200 || status == 201;
    client->in_doubt |= dials > 0 && http_client_dials(http) > dials;
    CHECK(status >= 0 && status < STATUSES);
    atomic_fetch_add(&client->herd->statuses[status], 1);
    if (good) {
        remember(client, &reply);
        if (status == 200 && !client->in_doubt)
            atomic_fetch_add(&client->herd->lies, 1);
    }
    client->in_doubt = !good && (client->in_doubt || says_unknown(&reply));
    http_reply_fini(&reply);
    return good;
}

static void *run_client(void *arg)
{
    struct client *client = arg;
    struct http_client *http = http_client_open();
    while (!atomic_load(&client->herd->stop)) {
        char *id = support_text("%zu-%zu", client->number, client->n_acked);
        char *body = order_body(id, "EURUSD");
        if (!try(client, http, body))
            (void)wait_more(wait_end_at_ns(pause_s));
        free(body);
        free(id);
    }
    http_client_close(&http);
    return NULL;
}

/* ---- the herd ---- */

struct herd *herd_start(struct rig *rig, size_t n_clients)
{
    struct herd *herd = calloc(1, sizeof *herd + n_clients * sizeof herd->clients[0]);
    CHECK(herd != NULL);
    herd->url = support_text("%s", daemon_url(rig->daemon, "/v1/orders"));
    herd->n = n_clients;
    for (size_t i = 0; i < n_clients; i++) {
        struct client *client = &herd->clients[i];
        *client = (struct client){ .herd = herd, .number = i };
        CHECK(thread_start(&client->thread, "client", run_client, client) == 0);
    }
    return herd;
}

uint64_t herd_acked(const struct herd *herd)
{
    return atomic_load(&herd->n_acked);
}

uint64_t herd_count(const struct herd *herd, int status)
{
    return atomic_load(&herd->statuses[status]);
}

bool herd_await(struct herd *herd, uint64_t more, int seconds)
{
    uint64_t goal = herd_acked(herd) + more;
    return WAIT_UNTIL(herd_acked(herd) >= goal, seconds);
}

void herd_stop(struct herd *herd)
{
    atomic_store(&herd->stop, true);
    for (size_t i = 0; i < herd->n; i++)
        thread_join(herd->clients[i].thread);
}

void herd_close(struct herd **herd)
{
    struct herd *h = *herd;
    if (h == NULL)
        return;
    for (size_t i = 0; i < h->n; i++)
        free(h->clients[i].acked);
    free(h->url);
    free(h);
    *herd = NULL;
}

/* ---- the check against the database ---- */

static struct buf acked_rows(const struct herd *herd)
{
    struct buf rows = BUF_INIT(COPY_MAX_BYTES);
    for (size_t i = 0; i < herd->n; i++)
        for (size_t j = 0; j < herd->clients[i].n_acked; j++)
            buf_printf(&rows, "%zu-%zu\t%s\n", i, j, herd->clients[i].acked[j].order_id);
    CHECK(!rows.failed);
    return rows;
}

/* Copies the acknowledged orders into a table, to compare it with the orders. */
static void copy_acked(const struct herd *herd, struct cluster *cluster)
{
    cluster_exec(cluster, "CREATE UNLOGGED TABLE acked (client_order_id text, order_id uuid)");
    PGconn *conn = PQconnectdb(cluster_conninfo(cluster));
    PGresult *result = PQexec(conn, "COPY acked FROM STDIN");
    CHECK(PQresultStatus(result) == PGRES_COPY_IN);
    PQclear(result);
    struct buf rows = acked_rows(herd);
    CHECK(rows.len == 0 || PQputCopyData(conn, rows.data, (int)rows.len) == 1);
    CHECK(PQputCopyEnd(conn, NULL) == 1);
    result = PQgetResult(conn);
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        support_fail("COPY acked: %s", PQerrorMessage(conn));
    PQclear(result);
    PQfinish(conn);
    buf_fini(&rows);
}

void herd_expect_truth(struct herd *herd, struct cluster *cluster)
{
    static const int allowed[] = { 0, 200, 201, 503, 504 };
    uint64_t answers = 0, expected = 0;
    for (int status = 0; status < STATUSES; status++)
        answers += herd_count(herd, status);
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++)
        expected += herd_count(herd, allowed[i]);
    cr_expect_eq(answers, expected, "%ju answers of another kind", (uintmax_t)(answers - expected));
    cr_expect_eq(atomic_load(&herd->lies), 0, "refused as not stored, and then a replay");

    copy_acked(herd, cluster);
    cr_expect_eq(cluster_query_int(cluster, "SELECT count(*) FROM acked"),
                 (int64_t)herd_acked(herd));
    cr_expect_eq(cluster_query_int(cluster,
                                   "SELECT count(*) FROM acked LEFT JOIN orders USING "
                                   "(client_order_id) WHERE orders.order_id IS DISTINCT FROM "
                                   "acked.order_id"),
                 0, "acknowledged orders that are lost, or stored as others");
    cr_expect_eq(cluster_query_int(cluster, "SELECT count(*) - count(DISTINCT client_order_id) + "
                                            "count(*) - count(DISTINCT order_id) FROM orders"),
                 0, "orders stored twice");
    cr_expect_leq(cluster_query_int(cluster, "SELECT count(*) FROM orders LEFT JOIN acked USING "
                                             "(client_order_id) WHERE acked IS NULL"),
                  (int64_t)herd->n, "orders of nobody");
    cluster_exec(cluster, "DROP TABLE acked");
}

/* handlers_fixture.h - the handlers of orders behind a real HTTP server, and in front of a real
 * ingest and reader whose store is scripted (support/fake_store.h): no database, no service. The
 * pool, which handlers ask only whether the database is down, dials a socket that is not there: by
 * the first failure it takes the database for down, or in this test never. */
#ifndef UNIT_HANDLERS_FIXTURE_H
#define UNIT_HANDLERS_FIXTURE_H

#include <criterion/criterion.h>
#include <stdarg.h>

#include "base/budget.h"
#include "handlers/handlers.h"
#include "handlers/submission.h"
#include "ingest/ingest.h"
#include "ingest/reader.h"
#include "pqpool/pqpool.h"
#include "support/fake_store.h"
#include "unit/http/http_fixture.h"

enum { BATCH_MAX = 50, QUEUE_CAPACITY = 100, BUDGET_BYTES = 64 << 20 };

/* Between rig_init() and rig_start() a test may set limits, `down` and the store's scripts. */
static struct rig {
    struct fake_store *store;
    struct ingest_options ingest;
    struct budget memory;
    atomic_bool schema_ready, lacks_standby;
    bool down;
    struct handlers handlers;
    struct http_server *server;
    int fd; /* the client's connection */
    struct answer answer;
} rig;

static const int handler_statuses[] = { 200, 201, 207, 400, 404, 406, 413, 422, 503, 504, 0 };

/* clang-format off */
static const struct http_route handler_routes[] = {
    { "POST", "/v1/orders",            HTTP_JSON_BODY, HTTP_ANYONE, handlers_post_order, handler_statuses, NULL },
    { "POST", "/v1/orders/batch",      HTTP_LIST_BODY, HTTP_ANYONE, handlers_post_batch, handler_statuses, NULL },
    { "GET",  "/v1/orders/{order_id}", HTTP_NO_BODY,   HTTP_ANYONE, handlers_get_order,  handler_statuses, NULL },
    { "GET",  "/v1/orders",            HTTP_NO_BODY,   HTTP_ANYONE, handlers_get_orders, handler_statuses, NULL },
};
/* clang-format on */

static void ignore_event(void *ctx, const char *event, const struct err *err, size_t orders)
{
    (void)ctx, (void)event, (void)err, (void)orders;
}

UNUSED static void rig_init(void)
{
    rig.store = fake_store_new();
    rig.handlers.commit_timeout_ns = 20 * NS_PER_S;
    rig.handlers.lookup_timeout_ns = 20 * NS_PER_S;
    rig.handlers.batch_max = BATCH_MAX;
    atomic_store(&rig.schema_ready, true);
    rig.ingest = (struct ingest_options){
        .store = &rig.store->vtable,
        .workers = 1,
        .group_max = 512,
        .capacity = QUEUE_CAPACITY,
        .max_bytes = UINT64_C(1) << 30,
        .commit_timeout_ns = 20 * NS_PER_S,
        .queue_wait_max_ns = CLOCK_NEVER,
        .on_done = submission_on_done,
        .on_event = ignore_event,
    };
}

static struct pqpool *rig_open_pool(void)
{
    struct pqpool_options options = PQPOOL_OPTIONS_DEFAULT;
    struct pqpool *pool = NULL;
    struct err err = { 0 };
    options.conninfo = "host=/nowhere user=nobody dbname=none";
    options.start = PQPOOL_START_DEGRADED;
    options.min_pool_size = options.max_pool_size = 1;
    options.initial_retry_delay_ns = options.max_retry_delay_ns = 600 * NS_PER_S;
    options.max_retry_attempts = rig.down ? 1 : 10;
    cr_assert_eq(pqpool_open(&options, &pool, &err), PQPOOL_OK, "%s", err.text);
    cr_assert(!rig.down || WAIT_UNTIL(pqpool_is_down(pool, NULL), PATIENCE_S));
    return pool;
}

UNUSED static void rig_start(void)
{
    struct err err = { 0 };
    budget_init(&rig.memory, BUDGET_BYTES, NULL);
    order_metrics_init(&rig.handlers.metrics);
    rig.handlers.ingest = ingest_open(&rig.ingest, &err);
    rig.handlers.reader = reader_open(&rig.store->vtable, 1, &err);
    rig.handlers.pool = rig_open_pool();
    rig.handlers.memory = &rig.memory;
    rig.handlers.schema_ready = &rig.schema_ready;
    rig.handlers.lacks_standby = &rig.lacks_standby;
    rig.server = serve_with(&(struct http_options){
        SERVE_OPTIONS, .memory = &rig.memory, .routes = handler_routes,
        .n_routes = sizeof handler_routes / sizeof handler_routes[0], .ctx = &rig.handlers });
    rig.fd = dial(rig.server);
}

/* Nothing is left behind: each order came back, and the budget is empty. */
UNUSED static void rig_stop(void)
{
    int64_t until_ns = clock_after(clock_now_ns(), PATIENCE_S * NS_PER_S);
    (void)close(rig.fd);
    ingest_stop(rig.handlers.ingest, until_ns);
    reader_stop(rig.handlers.reader);
    cr_expect(WAIT_UNTIL(budget_used(&rig.memory) == 0, PATIENCE_S), "%llu bytes are left",
              (unsigned long long)budget_used(&rig.memory));
    http_server_close(&rig.server);
    ingest_close(&rig.handlers.ingest, until_ns);
    reader_close(&rig.handlers.reader);
    pqpool_close(&rig.handlers.pool, until_ns);
    fake_store_free(rig.store);
}

/* ---- orders ---- */

#define ORDER_OF(id, quantity)                                                                     \
    "{\"account_id\":\"acc\",\"client_order_id\":\"" id "\",\"symbol\":\"ACME\",\"side\":\"buy\"," \
    "\"type\":\"market\",\"quantity\":\"" quantity "\"}"

/* ---- exchanges ---- */

/* Sends a request without reading its answer. `headers`: each with its CRLF. */
UNUSED static void tell(const char *method, const char *target, const char *headers,
                        const char *body)
{
    char text[16 * 1024];
    int len =
        snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: t\r\n%s", method, target, headers);
    if (body != NULL)
        len += snprintf(text + len, sizeof text - (size_t)len, "Content-Length: %zu\r\n",
                        strlen(body));
    len += snprintf(text + len, sizeof text - (size_t)len, "\r\n%s", body != NULL ? body : "");
    cr_assert_lt((size_t)len, sizeof text);
    cr_assert(send_bytes(rig.fd, text, (size_t)len));
}

UNUSED static void expect_answer(int status)
{
    cr_assert(read_answer(rig.fd, &rig.answer));
    cr_expect_eq(rig.answer.status, status, "%d %s", rig.answer.status, rig.answer.body);
}

#define JSON_TYPE "Content-Type: application/json\r\n"

UNUSED static void expect_post(int status, const char *target, const char *headers,
                               const char *body)
{
    tell("POST", target, headers, body);
    expect_answer(status);
}

UNUSED static void expect_get(int status, const char *target)
{
    tell("GET", target, "", NULL);
    expect_answer(status);
}

UNUSED static void expect_in_body(const char *text)
{
    cr_expect_not_null(strstr(rig.answer.body, text), "%s is not in %s", text, rig.answer.body);
}

/* The answers to GET of the target when the store cannot read. */
UNUSED static void expect_failures_of_the_store(const char *target)
{
    static const struct {
        enum lookup_rc rc;
        int status;
        const char *code;
    } rows[] = {
        { LOOKUP_UNAVAILABLE, 503, "\"code\":\"database_down\"" },
        { LOOKUP_DATABASE_FAULT, 503, "\"code\":\"database_unavailable\"" },
        { LOOKUP_FAILED, 500, "\"code\":\"internal_error\"" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        rig.store->lookup_rc = rows[i].rc;
        expect_get(rows[i].status, target);
        expect_in_body(rows[i].code);
    }
}

UNUSED static void expect_not_in_body(const char *text)
{
    cr_expect_null(strstr(rig.answer.body, text), "%s is in %s", text, rig.answer.body);
}

/* How many orders ended so; waits, since an order is counted when it has come back. */
UNUSED static void expect_counted(enum order_result result, uint64_t orders)
{
    const struct counter *counter = &rig.handlers.metrics.results[result];
    cr_expect(WAIT_UNTIL(counter_read(counter) == orders, PATIENCE_S), "result %d: %llu",
              (int)result, (unsigned long long)counter_read(counter));
}

/* ---- scripts ---- */

/* An attempt is sent, and its answer is lost. */
UNUSED static void plan_lost_answer(void *arg, const struct put_group *group,
                                    struct fake_step *step)
{
    (void)arg, (void)group;
    step->fails = step->stores = true;
    step->failure = (struct store_failure){ .action = STORE_RETRY, .in_doubt = true };
}

#endif

/* Batches: each order has its own verdict, unless all of them share one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch_bodies.h"
#include "order_volley.h"
#include "service_rig.h"
#include "side_session.h"

#define BATCH "/v1/orders/batch"

#define WITH_TIME LIST("ORDERS_COMMIT_TIMEOUT=120s") /* for many orders on a slow machine */

static const char *const as_json[] = { "Content-Type: application/json", NULL };
static const char *const as_lines[] = { "Content-Type: application/x-ndjson", NULL };

static int64_t stored(struct rig *rig)
{
    return cluster_query_int(rig->cluster, "SELECT count(*) FROM orders");
}

/* Takes the body. */
static struct answer post(struct rig *rig, const char *path, char *body)
{
    struct answer answer = rig_ask(rig, "POST", path, as_json, body);
    free(body);
    return answer;
}

static json_int_t summed(const struct answer *answer, const char *member)
{
    const json_t *summary = json_object_get(answer->json, "summary");
    return json_integer_value(json_object_get(summary, member));
}

static const json_t *result(const struct answer *answer, size_t i)
{
    return json_array_get(json_object_get(answer->json, "results"), i);
}

static json_int_t status_of(const struct answer *answer, size_t i)
{
    return json_integer_value(json_object_get(result(answer, i), "status"));
}

static const char *text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text != NULL ? text : "";
}

static void expect_refused(const struct answer *answer, size_t i, int status, const char *code)
{
    const json_t *error = json_object_get(result(answer, i), "error");
    cr_expect_eq(status_of(answer, i), status, "%zu: %s", i, answer->reply.body);
    cr_expect_str_eq(text_of(error, "code"), code, "%zu: %s", i, answer->reply.body);
    cr_expect_str_eq(text_of(error, "outcome"), "not_accepted");
}

/* ---- one by one ---- */

Test(batch, all_new_then_all_replayed_then_both, .timeout = TEST_S)
{
    struct rig rig = rig_open(NULL);
    struct answer made = post(&rig, BATCH, batch_body("a", 3));
    EXPECT_STATUS(made, 201);
    cr_expect(answer_header_is(&made, "Content-Type", "application/json"));
    cr_expect_eq(summed(&made, "total"), 3);
    cr_expect_eq(summed(&made, "created"), 3);
    for (size_t i = 0; i < 3; i++) {
        char id[16];
        snprintf(id, sizeof id, "a-%zu", i);
        cr_expect_eq(json_integer_value(json_object_get(result(&made, i), "index")), (json_int_t)i);
        cr_expect_eq(status_of(&made, i), 201);
        cr_expect_str_eq(text_of(result(&made, i), "client_order_id"), id);
        cr_expect(json_is_false(json_object_get(result(&made, i), "replayed")));
    }
    char *path = support_text("/v1/orders/%s", text_of(result(&made, 2), "order_id"));
    struct answer got = rig_get(&rig, path);
    EXPECT_STATUS(got, 200);
    cr_expect_str_eq(answer_text(&got, "client_order_id"), "a-2");
    free(path);

    struct answer again = post(&rig, BATCH, batch_body("a", 3));
    EXPECT_STATUS(again, 200);
    cr_expect_eq(summed(&again, "replayed"), 3);
    cr_expect_str_eq(text_of(result(&again, 1), "order_id"), text_of(result(&made, 1), "order_id"));
    cr_expect(json_is_true(json_object_get(result(&again, 1), "replayed")));

    struct answer both = post(&rig, BATCH, batch_body("a", 5));
    EXPECT_STATUS(both, 200);
    cr_expect_eq(summed(&both, "replayed"), 3);
    cr_expect_eq(summed(&both, "created"), 2);
    cr_expect_eq(stored(&rig), 5);
    answer_fini(&got);
    answer_fini(&both);
    answer_fini(&again);
    answer_fini(&made);
    rig_close(&rig);
}

Test(batch, one_bad_order_of_five_thousand_is_alone, .timeout = TEST_S)
{
    enum { MANY = 5000, BAD = 1234 };
    struct rig rig = rig_open(WITH_TIME);
    struct answer answer = post(&rig, BATCH, batch_body_with("m", MANY, BAD, "'side':'hold'"));
    EXPECT_STATUS(answer, 207);
    cr_expect_eq(summed(&answer, "total"), MANY);
    cr_expect_eq(summed(&answer, "created"), MANY - 1);
    cr_expect_eq(summed(&answer, "rejected"), 1);
    cr_expect_eq(json_array_size(json_object_get(answer.json, "results")), MANY);
    expect_refused(&answer, BAD, 422, "invalid_order");
    cr_expect_eq(status_of(&answer, MANY - 1), 201);
    cr_expect_eq(stored(&rig), MANY - 1);
    cr_expect_eq(rig_metric(&rig, "ordersd_orders_total{result=\"created\"}"), MANY - 1);
    cr_expect_eq(rig_metric(&rig, "ordersd_orders_total{result=\"invalid\"}"), 1);
    answer_fini(&answer);
    rig_close(&rig);
}

Test(batch, one_id_many_times, .timeout = TEST_S)
{
    struct rig rig = rig_open(NULL);
    char *body = quoted("[" BATCH_ORDER("x", "1") "," BATCH_ORDER("x", "1.0") "," BATCH_ORDER(
        "x", "2") "," BATCH_ORDER("x", "1") "]");
    struct answer answer = post(&rig, BATCH, body);
    EXPECT_STATUS(answer, 207);
    cr_expect_eq(status_of(&answer, 0), 201);
    cr_expect_eq(status_of(&answer, 1), 200);
    expect_refused(&answer, 2, 422, "client_order_id_reused");
    cr_expect_eq(status_of(&answer, 3), 200);
    const json_t *error = json_object_get(result(&answer, 2), "error");
    const char *winner = text_of(result(&answer, 0), "order_id");
    cr_expect_str_eq(text_of(error, "order_id"), winner);
    cr_expect_str_eq(text_of(result(&answer, 3), "order_id"), winner);
    cr_expect_str_eq(
        json_string_value(json_array_get(json_object_get(error, "differing_fields"), 0)),
        "quantity");
    cr_expect_eq(stored(&rig), 1);
    answer_fini(&answer);
    rig_close(&rig);
}

Test(batch, the_whole_is_refused_by_one_problem, .timeout = TEST_S)
{
    /* clang-format off */
    static const struct {
        const char *body, *code;
        int status, offset; /* -1: none */
    } bad[] = {
        { "",                                           "invalid_json",    400, 0 },
        { "[",                                          "invalid_json",    400, 1 },
        { "{'a':1}",                                    "not_an_array",    400, 0 },
        { "[" BATCH_ORDER("a", "1") ",{'a':}]",         "invalid_json",    400, 112 },
        { "[" BATCH_ORDER("a", "1") ",{'a':1,'a':2}]",  "duplicate_key",   400, 116 },
        { "[]",                                         "empty_batch",     422, -1 },
        { "[1,2,3,4]",                                  "batch_too_large", 413, -1 },
    };
    /* clang-format on */
    struct rig rig = rig_open(LIST("ORDERS_BATCH_MAX=3"));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct answer answer = post(&rig, BATCH, quoted(bad[i].body));
        expect_problem(&answer, bad[i].status, bad[i].code, "not_accepted");
        const json_t *offset = json_object_get(answer.json, "offset");
        cr_expect_eq(offset != NULL ? json_integer_value(offset) : -1, bad[i].offset, "%s",
                     answer.reply.body);
        answer_fini(&answer);
    }
    const char *const keyed[] = { as_json[0], "Idempotency-Key: k", NULL };
    struct answer answer = rig_ask(&rig, "POST", BATCH, keyed, "[]");
    expect_problem(&answer, 400, "idempotency_key_on_batch", "not_accepted");
    answer_fini(&answer);
    answer = rig_ask(&rig, "POST", BATCH "?atomic=maybe", as_json, "[]");
    expect_problem(&answer, 422, "invalid_query", "not_accepted");
    answer_fini(&answer);
    answer = rig_ask(&rig, "POST", BATCH, LIST("Content-Type: text/plain"), "[]");
    expect_problem(&answer, 415, "unsupported_media_type", "not_accepted");
    answer_fini(&answer);
    cr_expect_eq(stored(&rig), 0);
    rig_close(&rig);
}

/* The answer has the shape of a batch, whatever the one status is. */
Test(batch, all_wrong_is_a_problem_with_every_result, .timeout = TEST_S)
{
    struct rig rig = rig_open(NULL);
    struct answer answer = post(&rig, BATCH, quoted("[{},{'symbol':1}]"));
    expect_problem(&answer, 422, "invalid_order", "not_accepted");
    cr_expect_eq(summed(&answer, "rejected"), 2);
    expect_refused(&answer, 1, 422, "invalid_order");
    answer_fini(&answer);

    enum { MANY = 5000 }; /* a little body, and an answer that could be large */
    char *body = batch_body_repeated("{}", MANY);
    answer = post(&rig, BATCH, body);
    expect_problem(&answer, 422, "invalid_order", "not_accepted");
    cr_expect_eq(json_array_size(json_object_get(answer.json, "results")), MANY);
    cr_expect_lt(answer.reply.body_len, (8u << 20));
    answer_fini(&answer);
    rig_close(&rig);
}

/* One order of `large` bytes between two good ones, `comma` between them. */
static char *body_around(const char *begin, const char *comma, const char *end, size_t large)
{
    char *order = quoted(BATCH_ORDER("a", "1")), *body = NULL;
    char *padding = malloc(large + 1);
    cr_assert_not_null(padding);
    memset(padding, 'x', large);
    padding[large] = '\0';
    cr_assert_geq(
        asprintf(&body, "%s%s%s{\"a\":\"%s\"}%s{}%s", begin, order, comma, padding, comma, end), 0);
    free(order);
    free(padding);
    return body;
}

Test(batch, an_order_has_64_kib_at_most, .timeout = TEST_S)
{
    struct rig rig = rig_open(NULL);
    char *body = body_around("[", ",", "]", 64 * 1024);
    struct answer answer = post(&rig, BATCH, body);
    expect_problem(&answer, 400, "order_too_large", "not_accepted");
    cr_expect_not_null(strstr(answer_text(&answer, "detail"), "65536 bytes"));
    cr_expect_eq(stored(&rig), 0);
    answer_fini(&answer);

    body = body_around("", "\n", "", 64 * 1024);
    answer = rig_ask(&rig, "POST", BATCH, as_lines, body);
    EXPECT_STATUS(answer, 207);
    cr_expect_eq(status_of(&answer, 0), 201);
    expect_refused(&answer, 1, 400, "order_too_large");
    expect_refused(&answer, 2, 422, "invalid_order");
    cr_expect_eq(stored(&rig), 1);
    answer_fini(&answer);
    free(body);
    rig_close(&rig);
}

/* Many slices of each step: the answer is as that to a small one. */
Test(batch, a_large_one_is_read_and_answered_in_slices, .timeout = TEST_S)
{
    enum { MANY = 3000 };
    struct rig rig = rig_open(NULL);
    struct answer answer = post(&rig, BATCH, batch_body_with("s", MANY, MANY / 2, "'side':'hold'"));
    EXPECT_STATUS(answer, 207);
    cr_expect_eq(summed(&answer, "created"), MANY - 1);
    cr_expect_eq(json_array_size(json_object_get(answer.json, "results")), MANY);
    cr_expect_eq(status_of(&answer, 0), 201);
    cr_expect_eq(status_of(&answer, MANY - 1), 201);
    expect_refused(&answer, MANY / 2, 422, "invalid_order");
    cr_expect_eq(stored(&rig), MANY - 1);
    answer_fini(&answer);
    rig_close(&rig);
}

/* ---- lines ---- */

Test(batch, a_bad_line_is_that_line_alone, .timeout = TEST_S)
{
    static const char lines[] = BATCH_ORDER("l-0", "1") "\r\n\n  \n{'a':\n" BATCH_ORDER(
        "l-2", "1") "\n" BATCH_ORDER("l-3", "0");
    struct rig rig = rig_open(NULL);
    char *body = quoted(lines);
    struct answer answer = rig_ask(&rig, "POST", BATCH, as_lines, body);
    EXPECT_STATUS(answer, 207);
    cr_expect_eq(status_of(&answer, 0), 201);
    expect_refused(&answer, 1, 400, "invalid_json");
    cr_expect_eq(status_of(&answer, 2), 201);
    expect_refused(&answer, 3, 422, "invalid_order");
    const json_t *error = json_object_get(result(&answer, 1), "error");
    cr_expect_eq(json_integer_value(json_object_get(error, "offset")),
                 strstr(body, "{\"a\":") + strlen("{\"a\":") - body);
    cr_expect_eq(stored(&rig), 2);
    free(body);
    answer_fini(&answer);
    rig_close(&rig);
}

Test(batch, answers_come_as_lines_when_asked, .timeout = TEST_S)
{
    struct rig rig = rig_open(NULL);
    const char *const headers[] = { as_lines[0], "Accept: application/x-ndjson", NULL };
    char *body = quoted(BATCH_ORDER("l-0", "1") "\n" BATCH_ORDER("l-1", "0"));
    struct answer answer = rig_ask(&rig, "POST", BATCH, headers, body);
    EXPECT_STATUS(answer, 207);
    cr_expect(answer_header_is(&answer, "Content-Type", "application/x-ndjson"));
    size_t n = 0;
    json_t *last = NULL;
    for (char *rest = answer.reply.body, *line; (line = strsep(&rest, "\n")) != NULL && *line;) {
        json_decref(last);
        last = json_loads(line, 0, NULL);
        cr_expect_not_null(last, "%s", line);
        n++;
    }
    cr_expect_eq(n, 3);
    const json_t *summary = json_object_get(last, "summary");
    cr_expect_eq(json_integer_value(json_object_get(summary, "created")), 1);
    json_decref(last);
    answer_fini(&answer);

    free(body);
    answer = rig_ask(&rig, "POST", BATCH, headers, "{}\n{}");
    expect_problem(&answer, 422, "invalid_order", "not_accepted"); /* a document, not lines */
    answer_fini(&answer);
    rig_close(&rig);
}

/* ---- preferences ---- */

Test(batch, minimal_leaves_out_what_is_well, .timeout = TEST_S)
{
    struct rig rig = rig_open(NULL);
    const char *const headers[] = { as_json[0], "Prefer: wait=1, x=\"a, return=representation\"",
                                    "Prefer: Return = Minimal; y", "Prefer: return=representation",
                                    NULL };
    char *body = batch_body_with("m", 3, 1, "'side':'hold'");
    struct answer answer = rig_ask(&rig, "POST", BATCH, headers, body);
    EXPECT_STATUS(answer, 207);
    cr_expect(answer_header_is(&answer, "Preference-Applied", "return=minimal"));
    cr_expect_eq(summed(&answer, "created"), 2);
    cr_expect_eq(json_array_size(json_object_get(answer.json, "results")), 1);
    cr_expect_eq(json_integer_value(json_object_get(result(&answer, 0), "index")), 1);
    free(body);
    answer_fini(&answer);

    body = order_body("single", "EURUSD");
    answer = rig_ask(&rig, "POST", "/v1/orders", headers, body);
    EXPECT_STATUS(answer, 201);
    cr_expect_eq(json_object_size(answer.json), 3, "%s", answer.reply.body);
    cr_expect_str_eq(answer_text(&answer, "status"), "accepted");
    free(body);
    answer_fini(&answer);
    rig_close(&rig);
}

Test(batch, only_judged_when_so_asked, .timeout = TEST_S)
{
    struct rig rig = rig_open(NULL);
    struct answer answer =
        post(&rig, BATCH "?validate_only=true", batch_body_with("v", 3, 2, "'side':'hold'"));
    EXPECT_STATUS(answer, 207);
    cr_expect_eq(status_of(&answer, 0), 200);
    expect_refused(&answer, 2, 422, "invalid_order");
    answer_fini(&answer);
    cr_expect_eq(stored(&rig), 0);
    rig_close(&rig);
}

/* ---- a database that does not come to it ---- */

/* Posts the first `n` orders until all are said to be stored: on a busy machine a deadline passes
 * more than once. Adds to `maybe` those that may have been stored before the last answer. */
static struct answer settle(struct rig *rig, const char *path, size_t n, json_int_t *maybe)
{
    for (int64_t end_at_ns = wait_end_at_ns(SOON_S);;) {
        struct answer answer = post(rig, path, batch_body("d", n));
        if (answer.status == 200 || answer.status == 201)
            return answer;
        cr_assert(wait_more(end_at_ns), "%s", answer.reply.body);
        *maybe += summed(&answer, "unknown") + summed(&answer, "created");
        answer_fini(&answer);
    }
}

Test(batch, at_the_deadline_it_says_what_it_knows, .timeout = TEST_S)
{
    struct rig rig = rig_open(LIST("ORDERS_COMMIT_TIMEOUT=2s", "ORDERS_WORKERS=1"));
    PGconn *locker = side_session_begin(&rig, "LOCK TABLE orders");
    struct answer answer = post(&rig, BATCH, batch_body("d", 600)); /* more than one group */
    json_int_t unknown = summed(&answer, "unknown"); /* none: no attempt got past its PREPARE */
    cr_expect(unknown > 0 ? answer.status == 207 || answer.status == 504 : answer.status == 503,
              "%d", answer.status);
    cr_expect_eq(summed(&answer, "unknown") + summed(&answer, "rejected"), 600);
    cr_expect_eq(summed(&answer, "created"), 0);
    answer_fini(&answer);
    side_session_end(locker, "COMMIT");

    answer = settle(&rig, BATCH, 600, &unknown);
    cr_expect_eq(summed(&answer, "created") + summed(&answer, "replayed"), 600);
    cr_expect_leq(summed(&answer, "replayed"), unknown, "what was refused is new");
    cr_expect_eq(stored(&rig), 600);
    answer_fini(&answer);
    rig_close(&rig);
}

Test(batch, the_queue_takes_all_or_none, .timeout = TEST_S)
{
    struct rig rig =
        rig_open(LIST("ORDERS_QUEUE_CAPACITY=100", "ORDERS_GROUP_MAX=10", "ORDERS_WORKERS=1",
                      "ORDERS_QUEUE_WAIT_MAX=60s", "ORDERS_COMMIT_TIMEOUT=60s"));
    PGconn *locker = side_session_begin(&rig, "LOCK TABLE orders");
    char *sixty = batch_body("q", 60);
    struct volley *first = volley_start_at(&rig, BATCH, (const char *const *)&sixty, 1);
    cr_assert(WAIT_UNTIL(rig_metric(&rig, "ordersd_queue_depth") >= 50, SOON_S));
    struct answer answer = post(&rig, BATCH, batch_body("r", 50));
    expect_problem(&answer, 503, "queue_full", "not_accepted");
    cr_expect_eq(rig_metric(&rig, "ordersd_orders_total{result=\"refused_full\"}"), 50);
    answer_fini(&answer);
    side_session_end(locker, "COMMIT");
    volley_join(first);
    EXPECT_STATUS(*volley_answer(first, 0), 201);
    cr_expect_eq(stored(&rig), 60);
    volley_close(&first);
    free(sixty);
    rig_close(&rig);
}

/* ---- all or none ---- */

#define ATOMIC BATCH "?atomic=true"

Test(batch, an_atomic_one_is_stored_whole, .timeout = TEST_S)
{
    enum { MANY = 1500 }; /* more than ORDERS_GROUP_MAX */
    struct rig rig = rig_open(WITH_TIME);
    struct answer answer = post(&rig, ATOMIC, batch_body("a", MANY));
    EXPECT_STATUS(answer, 201);
    cr_expect_eq(summed(&answer, "created"), MANY);
    cr_expect_eq(cluster_query_int(rig.cluster, "SELECT count(DISTINCT xmin::text) FROM orders"),
                 1);
    answer_fini(&answer);

    answer = post(&rig, ATOMIC, batch_body("a", MANY + 1)); /* replays are as good as new ones */
    EXPECT_STATUS(answer, 200);
    cr_expect_eq(summed(&answer, "replayed"), MANY);
    cr_expect_eq(summed(&answer, "created"), 1);
    cr_expect_eq(stored(&rig), MANY + 1);
    answer_fini(&answer);
    rig_close(&rig);
}

static void expect_none_stored(struct rig *rig, struct answer *answer, size_t culprit,
                               const char *code)
{
    int64_t before = stored(rig);
    expect_problem(answer, 422, "batch_refused", "not_accepted");
    expect_refused(answer, culprit, 422, code);
    json_int_t n = summed(answer, "total");
    cr_expect_eq(summed(answer, "rejected"), n);
    for (size_t i = 0; i < (size_t)n; i++)
        if (i != culprit)
            expect_refused(answer, i, 424, "batch_refused");
    cr_expect_eq(stored(rig), before);
    answer_fini(answer);
}

Test(batch, an_atomic_one_with_a_culprit_stores_nothing, .timeout = TEST_S)
{
    struct rig rig = rig_open(WITH_TIME);
    struct answer answer = rig_post(&rig, BATCH_ORDER("r-2", "7"));
    EXPECT_STATUS(answer, 201);
    answer_fini(&answer);

    answer = post(&rig, ATOMIC, batch_body_with("f", 3, 1, "'side':'hold'"));
    expect_none_stored(&rig, &answer, 1, "invalid_order");
    answer = post(&rig, ATOMIC, batch_body("r", 4));
    expect_none_stored(&rig, &answer, 2, "client_order_id_reused");
    answer = post(
        &rig, ATOMIC,
        quoted("[" BATCH_ORDER("t", "1") "," BATCH_ORDER("u", "1") "," BATCH_ORDER("t", "2") "]"));
    expect_none_stored(&rig, &answer, 2, "client_order_id_reused");
    cr_expect_eq(stored(&rig), 1);

    cluster_exec(rig.cluster, "ALTER TABLE orders ADD CHECK (client_order_id <> 'c-700')");
    answer = post(&rig, ATOMIC, batch_body("c", 1000));
    expect_none_stored(&rig, &answer, 700, "refused_by_database");
    cr_expect_eq(rig_metric(&rig, "ordersd_orders_total{result=\"batch_refused\"}"),
                 2 + 3 + 2 + 999);
    rig_close(&rig);
}

Test(batch, an_atomic_one_ends_as_one_at_its_deadline, .timeout = TEST_S)
{
    struct rig rig = rig_open(LIST("ORDERS_COMMIT_TIMEOUT=2s", "ORDERS_WORKERS=1"));
    PGconn *locker = side_session_begin(&rig, "LOCK TABLE orders");
    struct answer answer = post(&rig, ATOMIC, batch_body("d", 30));
    json_int_t unknown = summed(&answer, "unknown");
    if (answer.status == 503) { /* on a machine so busy that it was not even sent */
        expect_problem(&answer, 503, "commit_timeout", "not_accepted");
        cr_expect_eq(summed(&answer, "rejected"), 30);
    } else {
        expect_problem(&answer, 504, "commit_unknown", "unknown");
        cr_expect_eq(unknown, 30);
    }
    answer_fini(&answer);
    side_session_end(locker, "COMMIT");
    answer = settle(&rig, ATOMIC, 30, &unknown);
    cr_expect_leq(summed(&answer, "replayed"), unknown, "what was refused is new");
    cr_expect_eq(stored(&rig), 30);
    answer_fini(&answer);
    rig_close(&rig);
}

/* Who posted an order: the name of the key, as it is stored, shown and kept, and never compared. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keys_file.h"
#include "service_rig.h"
#include "side_session.h"

/* The keys, and a file with their hashes. Alice may use all accounts, Bob only B1. */
#define ALICE "alice-secret-0123456789"
#define BOB "bob-secret-0123456789"
#define LINE_OF_ALICE                                                                              \
    "alice sha256:7afddc1d4458dd0709e8d5d1b1577fd1e02dfe0fe6bbb66757b3ff8c75476e91\n"
#define LINE_OF_BOB                                                                                \
    "bob sha256:ce669b4c4a3b3e0beabf49e3e032ed3e668f1f4b79d17c90de6d40ca3ee1e5c3 accounts=B1\n"

TestSuite(submitted_by, .fini = keys_file_remove);

static struct rig open_rig(void)
{
    keys_file_write(LINE_OF_ALICE LINE_OF_BOB);
    char *file = support_text("API_KEYS_FILE=%s", keys_file);
    struct rig rig = rig_open(LIST("AUTH=keys", file, "ORDERS_COMMIT_TIMEOUT=30s"));
    free(file);
    return rig;
}

#define ORDER(id, more)                                                                            \
    "{'account_id':'B1','client_order_id':'" id "','symbol':'X','side':'buy','type':'market',"     \
    "'quantity':'1'" more "}"

static struct answer post(struct rig *rig, const char *key, const char *body)
{
    return ask(rig, "POST", "/v1/orders", key, body);
}

/* How many orders of this id have that name; NULL: no name. */
static int64_t rows_by(struct rig *rig, const char *id, const char *name)
{
    char *sql = support_text("SELECT count(*) FROM orders WHERE client_order_id = '%s' AND "
                             "submitted_by IS NOT DISTINCT FROM nullif('%s', '')",
                             id, name != NULL ? name : "");
    int64_t rows = cluster_query_int(rig->cluster, sql);
    free(sql);
    return rows;
}

static void expect_name(struct answer answer, int status, const char *name)
{
    EXPECT_STATUS(answer, status);
    cr_expect_str_eq(answer_text(&answer, "submitted_by"), name);
    answer_fini(&answer);
}

/* Expects an answer that says nothing of who posted an order. */
static void expect_no_name(struct answer answer, int status)
{
    EXPECT_STATUS(answer, status);
    cr_expect_null(strstr(answer.reply.body, "submitted_by"), "%s", answer.reply.body);
    cr_expect_null(strstr(answer.reply.body, "alice"), "%s", answer.reply.body);
    answer_fini(&answer);
}

/* The name in the only order of a lookup by keys. */
static void expect_found(struct rig *rig, const char *key, const char *id, const char *name)
{
    char *where = support_text("/v1/orders?account_id=B1&client_order_id=%s", id);
    struct answer answer = ask(rig, "GET", where, key, NULL);
    EXPECT_STATUS(answer, 200);
    json_t *order = json_array_get(json_object_get(answer.json, "orders"), 0);
    const char *got = json_string_value(json_object_get(order, "submitted_by"));
    cr_expect_str_eq(got != NULL ? got : "(absent)", name, "%s", answer.reply.body);
    answer_fini(&answer);
    free(where);
}

Test(submitted_by, the_key_is_stored_and_shown_to_all_who_may_read_the_order, .timeout = TEST_S)
{
    struct rig rig = open_rig();
    struct answer made = post(&rig, ALICE, ORDER("1", ""));
    char *one = support_text("/v1/orders/%s", answer_text(&made, "order_id"));
    expect_name(made, 201, "alice");
    cr_expect_eq(rows_by(&rig, "1", "alice"), 1);

    expect_name(ask(&rig, "GET", one, ALICE, NULL), 200, "alice");
    expect_name(ask(&rig, "GET", one, BOB, NULL), 200, "alice");
    expect_found(&rig, BOB, "1", "alice");
    free(one);
    rig_close(&rig);
}

Test(submitted_by, another_key_may_replay_the_order_and_is_told_the_first, .timeout = TEST_S)
{
    struct rig rig = open_rig();
    expect_name(post(&rig, ALICE, ORDER("1", "")), 201, "alice");
    expect_name(post(&rig, BOB, ORDER("1", "")), 200, "alice");
    expect_name(post(&rig, ALICE, ORDER("1", "")), 200, "alice");
    cr_expect_eq(rows_by(&rig, "1", "alice"), 1);

    struct answer reused = post(&rig, BOB, ORDER("1", ",'time_in_force':'gtc'"));
    expect_problem(&reused, 422, "client_order_id_reused", "not_accepted");
    json_t *differing = json_object_get(reused.json, "differing_fields");
    cr_expect_eq(json_array_size(differing), 1, "%s", reused.reply.body);
    cr_expect_null(strstr(reused.reply.body, "alice"), "%s", reused.reply.body);
    answer_fini(&reused);
    rig_close(&rig);
}

Test(submitted_by, is_not_shown_where_less_than_the_order_is, .timeout = TEST_S)
{
    struct rig rig = open_rig();
    static const char *const headers[] = { "Content-Type: application/json",
                                           "Authorization: Bearer " ALICE, "Prefer: return=minimal",
                                           NULL };
    expect_no_name(rig_ask(&rig, "POST", "/v1/orders", headers, ORDER("1", "")), 201);
    expect_no_name(rig_ask(&rig, "POST", "/v1/orders", headers, ORDER("1", "")), 200);
    expect_no_name(ask(&rig, "POST", "/v1/orders?validate_only=true", ALICE, ORDER("1", "")), 200);
    expect_no_name(ask(&rig, "POST", "/v1/orders/batch", ALICE, "[" ORDER("2", "") "]"), 201);
    expect_found(&rig, BOB, "1", "alice");
    expect_found(&rig, BOB, "2", "alice");
    rig_close(&rig);
}

Test(submitted_by, each_order_of_a_batch_has_it, .timeout = TEST_S)
{
    static const char *const paths[] = { "/v1/orders/batch", "/v1/orders/batch?atomic=true" };
    static const char body[] = "[" ORDER("1", "") "," ORDER("2", "") "," ORDER("3", "") "]";
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct rig rig = open_rig();
        expect_name(post(&rig, ALICE, ORDER("2", "")), 201, "alice");
        expect_no_name(ask(&rig, "POST", paths[i], BOB, body), 200);
        cr_expect_eq(rows_by(&rig, "1", "bob"), 1, "%s", paths[i]);
        cr_expect_eq(rows_by(&rig, "2", "alice"), 1, "%s: a replay changes nothing", paths[i]);
        cr_expect_eq(rows_by(&rig, "3", "bob"), 1, "%s", paths[i]);
        rig_close(&rig);
    }
}

Test(submitted_by, no_client_can_set_it, .timeout = TEST_S)
{
    struct rig rig = open_rig();
    struct answer answer = post(&rig, BOB, ORDER("1", ",'submitted_by':'alice'"));
    expect_problem(&answer, 422, "invalid_order", "not_accepted");
    json_t *error = json_array_get(json_object_get(answer.json, "errors"), 0);
    cr_expect_str_eq(json_string_value(json_object_get(error, "code")), "unknown_field");
    cr_expect_str_eq(json_string_value(json_object_get(error, "pointer")), "/submitted_by");
    answer_fini(&answer);
    rig_close(&rig);
}

Test(submitted_by, is_absent_without_keys, .timeout = TEST_S)
{
    struct rig rig = rig_open(NULL);
    expect_no_name(rig_post(&rig, ORDER("1", "")), 201);
    expect_no_name(rig_post(&rig, ORDER("1", "")), 200);
    expect_no_name(rig_get(&rig, "/v1/orders?account_id=B1&client_order_id=1"), 200);
    cr_expect_eq(rows_by(&rig, "1", NULL), 1);
    rig_close(&rig);
}

static bool waits_for_the_table(struct rig *rig)
{
    return cluster_query_int(rig->cluster, "SELECT count(*) FROM pg_locks WHERE NOT granted AND "
                                           "relation = 'orders'::regclass") > 0;
}

/* The order waits for a lock while its key is taken out of the file. */
Test(submitted_by, outlives_the_key, .timeout = TEST_S)
{
    struct rig rig = open_rig();
    char head[RIG_HEAD_SIZE];
    char *body = quoted(ORDER("1", ""));
    char *request = support_text("POST /v1/orders HTTP/1.1\r\nHost: localhost\r\nAuthorization: "
                                 "Bearer " BOB "\r\nContent-Type: application/json\r\n"
                                 "Content-Length: %zu\r\n\r\n%s",
                                 strlen(body), body);
    PGconn *lock = side_session_begin(&rig, "LOCK TABLE orders");
    int fd = rig_dial(&rig);
    rig_send(fd, request);
    cr_assert(WAIT_UNTIL(waits_for_the_table(&rig), SOON_S));
    keys_file_write(LINE_OF_ALICE);
    daemon_signal(rig.daemon, SIGHUP);
    cr_assert(daemon_log_wait(rig.daemon, "\"keys.reloaded\",\"n\":1", SOON_S));
    PQfinish(lock);
    rig_read_head(fd, head);
    cr_expect_eq(strncmp(head, "HTTP/1.1 201", 12), 0, "%s", head);
    cr_expect_eq(rows_by(&rig, "1", "bob"), 1);
    expect_found(&rig, ALICE, "1", "bob");
    close(fd);
    free(request);
    free(body);
    rig_close(&rig);
}

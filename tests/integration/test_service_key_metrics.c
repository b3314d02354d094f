/* The metrics of each key with AUTH=keys: what they count, who gets them, what a reload changes,
 * and that a long file of keys does not make /metrics grow without limit. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "keys_file.h"
#include "promtool.h"
#include "service_rig.h"

/* ---- keys; a hash is what `ordersd hash-key` makes of the key ---- */

#define ALICE "alice-secret-0123456789"
#define BOB "bob-secret-0123456789"
#define BOB_2 "bob2-secret-0123456789"
#define SCRAPER "prometheus-secret-0123456789"

#define ALICE_HASH "sha256:7afddc1d4458dd0709e8d5d1b1577fd1e02dfe0fe6bbb66757b3ff8c75476e91"
#define BOB_HASH "sha256:ce669b4c4a3b3e0beabf49e3e032ed3e668f1f4b79d17c90de6d40ca3ee1e5c3"
#define BOB_2_HASH "sha256:806164a46815a1b4dac25bcdfd439bd501bfca1a7074d89c9a5e4e5dd37252ae"
#define SCRAPER_HASH "sha256:5d72675cf5cc53cc9873f6e228a30d2af9d8f118ff7573bb25948af5d1ccfe00"

/* A debt of 2,000 orders, which a test makes, lasts for half an hour. */
#define ALICE_LINE "alice " ALICE_HASH " rate=1/s burst=1000\n"
#define BOB_LINE "bob " BOB_HASH " accounts=B1\n"
#define SCRAPER_LINE "prometheus " SCRAPER_HASH " accounts=none\n"

TestSuite(key_metrics, .fini = keys_file_remove);

static struct rig open_rig(const char *keys)
{
    keys_file_write(keys);
    char *file = support_text("API_KEYS_FILE=%s", keys_file);
    struct rig rig = rig_open(LIST("AUTH=keys", file));
    free(file);
    return rig;
}

/* Reads the file again. `event` is what the log then has. */
static void reload(struct rig *rig, const char *keys, const char *event)
{
    keys_file_write(keys);
    daemon_signal(rig->daemon, SIGHUP);
    cr_assert(daemon_log_wait(rig->daemon, event, SOON_S), "%s", event);
}

/* ---- asking ---- */

static void expect_post(struct rig *rig, const char *where, const char *key, const char *body,
                        int status)
{
    struct answer answer = ask(rig, "POST", where, key, body);
    EXPECT_STATUS(answer, status);
    answer_fini(&answer);
}

#define ORDER(account, id)                                                                         \
    "{'account_id':'" account "','client_order_id':'" id "','symbol':'X','side':'buy',"            \
    "'type':'market','quantity':'1'}"
#define ONE "/v1/orders"
#define BATCH "/v1/orders/batch"

/* What the scraper gets; the caller frees it. */
static char *scrape(struct rig *rig)
{
    struct answer answer = ask(rig, "GET", "/metrics", SCRAPER, NULL);
    EXPECT_STATUS(answer, 200);
    char *text = strdup(answer.reply.body);
    answer_fini(&answer);
    return text;
}

/* Expects each line in the text. A series after a - must not be there, whatever its value. */
static void expect_lines(const char *text, const char *const lines[])
{
    for (; *lines != NULL; lines++) {
        bool absent = **lines == '-';
        char *line = absent ? support_text("\n%s", *lines + 1) : support_text("\n%s\n", *lines);
        cr_expect_eq(strstr(text, line) == NULL, absent, "%s\n%s", *lines, text);
        free(line);
    }
}

static void expect_metrics(struct rig *rig, const char *const lines[])
{
    char *text = scrape(rig);
    expect_lines(text, lines);
    free(text);
}

#define REQUESTS(key) "ordersd_key_requests_total{key=\"" key "\"}"
#define REJECTIONS(key, code) "ordersd_key_rejections_total{key=\"" key "\",code=\"" code "\"}"
#define ORDERS(key, result) "ordersd_key_orders_total{key=\"" key "\",result=\"" result "\"}"
#define TOKENS(key) "ordersd_key_rate_tokens{key=\"" key "\"}"
#define TOKENS_MAX(key) "ordersd_key_rate_tokens_max{key=\"" key "\"}"

/* ---- counts ---- */

Test(key_metrics, begin_at_0, .timeout = TEST_S)
{
    struct rig rig = open_rig(ALICE_LINE BOB_LINE SCRAPER_LINE);
    expect_metrics(&rig, LIST(REQUESTS("alice") " 0", REQUESTS("bob") " 0",
                              REJECTIONS("alice", "rate_limited") " 0",
                              REJECTIONS("bob", "account_forbidden") " 0",
                              REJECTIONS("bob", "other") " 0", ORDERS("alice", "created") " 0",
                              ORDERS("alice", "replayed") " 0", TOKENS("alice") " 1000",
                              TOKENS_MAX("alice") " 1000", "-" TOKENS("bob"),
                              "-" REQUESTS("(other)"), REQUESTS("prometheus") " 0"));
    expect_metrics(&rig, LIST(REQUESTS("prometheus") " 1"));
    rig_close(&rig);
}

/* Alice's orders are stored, until her rate is used up by a batch of 3,000 orders. */
static void ask_as_alice(struct rig *rig)
{
    expect_post(rig, ONE, ALICE, ORDER("A1", "1"), 201);
    expect_post(rig, ONE, ALICE, ORDER("A1", "1"), 200);
    expect_post(rig, BATCH, ALICE,
                "[" ORDER("A1", "1") "," ORDER("A1", "2") "," ORDER("A1", "3") "]", 200);
    struct buf many = BUF_INIT(1 << 20);
    for (int i = 0; i < 3000; i++)
        buf_printf(&many, "%s%s", i == 0 ? "[" : ",", ORDER("A1", "1"));
    buf_add_char(&many, ']');
    expect_post(rig, BATCH "?validate_only=true", ALICE, many.data, 200);
    buf_fini(&many);
    for (int i = 0; i < 3; i++)
        expect_post(rig, ONE, ALICE, ORDER("A1", "4"), 429);
}

/* Bob asks for accounts of others, and once with a document that is none. */
static void ask_as_bob(struct rig *rig)
{
    expect_post(rig, ONE, BOB, ORDER("A1", "5"), 403);
    expect_post(rig, ONE, BOB, ORDER("B1", "5"), 201);
    expect_post(rig, BATCH, BOB, "[" ORDER("B1", "6") "," ORDER("A1", "6") "]", 207);
    expect_post(rig, BATCH, BOB, "[" ORDER("B1", "7") "," ORDER("A1", "7") ",{}]", 207);
    expect_post(rig, ONE, BOB, "{", 400);
    struct answer found = ask(rig, "GET", "/v1/orders?account_id=B1&client_order_id=5", BOB, NULL);
    EXPECT_STATUS(found, 200);
    answer_fini(&found);
}

Test(key_metrics, count_what_each_key_did, .timeout = TEST_S)
{
    struct rig rig = open_rig(ALICE_LINE BOB_LINE SCRAPER_LINE);
    ask_as_alice(&rig);
    ask_as_bob(&rig);
    expect_post(&rig, ONE, NULL, ORDER("A1", "8"), 401);
    expect_post(&rig, ONE, BOB_2, ORDER("A1", "8"), 401);
    char *text = scrape(&rig);
    expect_lines(text, LIST(REQUESTS("alice") " 7", REJECTIONS("alice", "rate_limited") " 3",
                            REJECTIONS("alice", "account_forbidden") " 0",
                            REJECTIONS("alice", "other") " 0", "-" REJECTIONS("alice", "several"),
                            ORDERS("alice", "created") " 3", ORDERS("alice", "replayed") " 2",
                            TOKENS("alice") " 0", TOKENS_MAX("alice") " 1000"));
    expect_lines(text,
                 LIST(REQUESTS("bob") " 6", REJECTIONS("bob", "account_forbidden") " 2",
                      REJECTIONS("bob", "rate_limited") " 0", REJECTIONS("bob", "several") " 1",
                      REJECTIONS("bob", "invalid_json") " 1", REJECTIONS("bob", "other") " 0",
                      ORDERS("bob", "created") " 3", ORDERS("bob", "replayed") " 0",
                      "-" TOKENS("bob")));
    expect_lines(text,
                 LIST("ordersd_orders_total{result=\"created\"} 6",
                      "ordersd_orders_total{result=\"replayed\"} 2", REQUESTS("prometheus") " 0"));
    cr_expect_null(strstr(text, "key_missing"));
    free(text);
    rig_close(&rig);
}

/* ---- reload ---- */

Test(key_metrics, stay_with_the_name_over_a_reload, .timeout = TEST_S)
{
    struct rig rig = open_rig(ALICE_LINE BOB_LINE SCRAPER_LINE);
    expect_post(&rig, ONE, ALICE, ORDER("A1", "1"), 201);
    expect_post(&rig, ONE, BOB, ORDER("B1", "1"), 201);
    expect_post(&rig, ONE, BOB, ORDER("A1", "1"), 403);

    reload(&rig, "bob " BOB_HASH "x\n", "keys.reload_failed");
    expect_metrics(&rig, LIST(REQUESTS("alice") " 1", REQUESTS("bob") " 2"));

    reload(&rig, "bob " BOB_2_HASH " rate=1/s burst=9\n" SCRAPER_LINE, "\"keys.reloaded\",\"n\":2");
    expect_post(&rig, ONE, BOB, ORDER("A1", "1"), 401);
    expect_post(&rig, ONE, BOB_2, ORDER("B1", "1"), 200);
    expect_metrics(&rig,
                   LIST("-" REQUESTS("alice"), "-" ORDERS("alice", "created"), "-" TOKENS("alice"),
                        REQUESTS("bob") " 3", REJECTIONS("bob", "account_forbidden") " 1",
                        ORDERS("bob", "created") " 1", ORDERS("bob", "replayed") " 1",
                        TOKENS_MAX("bob") " 9", REQUESTS("prometheus") " 1"));

    reload(&rig, BOB_LINE SCRAPER_LINE ALICE_LINE, "\"keys.reloaded\",\"n\":3");
    expect_metrics(&rig,
                   LIST(REQUESTS("alice") " 0", REJECTIONS("alice", "rate_limited") " 0",
                        ORDERS("alice", "created") " 0", REQUESTS("bob") " 3", "-" TOKENS("bob")));
    rig_close(&rig);
}

/* ---- who gets them ---- */

static bool has_key_metrics(struct rig *rig, const char *key)
{
    struct answer answer = ask(rig, "GET", "/metrics", key, NULL);
    EXPECT_STATUS(answer, 200);
    bool has = strstr(answer.reply.body, "ordersd_key_") != NULL;
    answer_fini(&answer);
    return has;
}

/* The name of a key may be that of a customer. */
Test(key_metrics, are_for_callers_with_a_key, .timeout = TEST_S)
{
    struct rig rig = open_rig(ALICE_LINE SCRAPER_LINE);
    cr_expect_not(has_key_metrics(&rig, NULL));
    cr_expect_not(has_key_metrics(&rig, BOB));
    cr_expect(has_key_metrics(&rig, SCRAPER));
    rig_close(&rig);
}

Test(key_metrics, are_none_without_keys, .timeout = TEST_S)
{
    struct rig rig = rig_open(LIST("AUTH=none"));
    cr_expect_not(has_key_metrics(&rig, NULL));
    rig_close(&rig);
}

/* ---- text ---- */

Test(key_metrics, promtool_has_no_complaint, .timeout = TEST_S)
{
    SKIP_WITHOUT_PROMTOOL();
    struct rig rig = open_rig(ALICE_LINE BOB_LINE SCRAPER_LINE);
    char *text = scrape(&rig);
    expect_promtool_content(text);
    free(text);
    rig_close(&rig);
}

static size_t count(const char *text, const char *what)
{
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at++)
        n++;
    return n;
}

/* 10,000 keys, which is the most. The names of all but two have 64 characters. */
Test(key_metrics, of_a_long_file_are_bounded, .timeout = TEST_S)
{
    struct buf keys = BUF_INIT(4 << 20);
    buf_add_str(&keys, SCRAPER_LINE);
    for (int i = 0; i < 9998; i++)
        buf_printf(&keys, "%064d sha256:%064x rate=1000/s\n", i, i + 1);
    buf_add_str(&keys, BOB_LINE);
    struct rig rig = open_rig(keys.data);
    expect_post(&rig, ONE, BOB, ORDER("B1", "1"), 201);
    char *text = scrape(&rig);
    expect_lines(text,
                 LIST(REQUESTS("prometheus") " 0", "-" REQUESTS("bob"), REQUESTS("(other)") " 1",
                      ORDERS("(other)", "created") " 1", "-" TOKENS("(other)")));
    cr_expect_eq(count(text, "\nordersd_key_requests_total{"), 101);
    cr_expect_eq(count(text, "\nordersd_key_rate_tokens{"), 99);
    free(text);
    buf_fini(&keys);
    rig_close(&rig);
}

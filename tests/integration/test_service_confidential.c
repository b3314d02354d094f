/* The content of an order is shown to nobody but its sender: not in the log, nor at /status,
 * /health or /metrics, whatever message the database has. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service_rig.h"

/* In every field of the order that can hold it. */
#define MARK "S3CR3T"
#define QUANTITY "4711.0815"

static char *marked_body(size_t i)
{
    return support_text("{\"account_id\":\"" MARK "\",\"client_order_id\":\"" MARK "-%zu\","
                        "\"symbol\":\"" MARK "\",\"side\":\"buy\",\"type\":\"market\","
                        "\"quantity\":\"" QUANTITY "\",\"metadata\":{\"note\":\"" MARK "\"}}",
                        i);
}

#define TRIGGER(body)                                                                              \
    "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN " body "; RETURN NEW; END "  \
    "$$; CREATE TRIGGER f BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION f()"

struct cause {
    const char *sql, *sqlstate;
    int status;
    const char *known; /* what strangers may see of it, beside the SQLSTATE */
    bool sender_sees;  /* the primary message has the mark, for its sender */
};

/* clang-format off */
static const struct cause causes[] = {
    { "ALTER TABLE orders ADD CONSTRAINT small CHECK (quantity < 1000)", "23514", 422, "small", false },
    { "CREATE TABLE accounts (a text PRIMARY KEY); ALTER TABLE orders ADD CONSTRAINT known "
      "FOREIGN KEY (account_id) REFERENCES accounts", "23503", 422, "known", false },
    { TRIGGER("RAISE 'no'"), "P0001", 422, "", false },
    { TRIGGER("RAISE '%', NEW"), "P0001", 422, "", true },
    { TRIGGER("RAISE 'no' USING DETAIL = NEW::text, HINT = NEW::text"), "P0001", 422, "", false },
    { TRIGGER("RAISE '%', NEW USING ERRCODE = 'ACC01'"), "ACC01", 422, "", true },
    { TRIGGER("RAISE '%', NEW USING ERRCODE = '42501'"), "42501", 422, "", true },
    { TRIGGER("RAISE '%', NEW USING ERRCODE = '42P01'"), "42P01", 503, "", false },
    { TRIGGER("RAISE '%', NEW USING ERRCODE = '54000'"), "54000", 503, "", false },
    { TRIGGER("RAISE '%', NEW USING ERRCODE = '25P02'"), "25P02", 500, "", false },
    { TRIGGER("NEW.quantity = NEW.client_order_id::numeric"), "22P02", 422, "", true },
    { TRIGGER("EXECUTE 'INSERT INTO audit_' || NEW.account_id || ' VALUES (1)'"), "42P01", 503, "", false },
    { TRIGGER("EXECUTE 'SELECT ' || quote_ident(NEW.symbol)"), "42703", 503, "", false },
    { TRIGGER("RAISE WARNING '%', NEW USING DETAIL = NEW::text; RAISE NOTICE '%', NEW; RAISE 'no'"), "P0001", 422, "", false },
};
/* clang-format on */

static const char undo[] = "DROP TRIGGER IF EXISTS f ON orders; DROP FUNCTION IF EXISTS f; "
                           "ALTER TABLE orders DROP CONSTRAINT IF EXISTS small; "
                           "ALTER TABLE orders DROP CONSTRAINT IF EXISTS known; "
                           "DROP TABLE IF EXISTS accounts";

/* ---- the sender ---- */

static void expect_for_sender(struct rig *rig, const struct cause *cause, size_t i)
{
    char *body = marked_body(i);
    struct answer answer = rig_post(rig, body);
    EXPECT_STATUS(answer, cause->status);
    bool seen = strstr(answer_text(&answer, "detail"), MARK) != NULL;
    cr_expect_eq(seen, cause->sender_sees, "%s: %s", cause->sql, answer.reply.body);
    cr_expect_null(strstr(answer.reply.body, "DETAIL"));
    if (cause->status != 500)
        cr_expect_str_eq(answer_text(&answer, "sqlstate"), cause->sqlstate, "%s", cause->sql);
    answer_fini(&answer);
    free(body);
}

/* ---- strangers ---- */

static void expect_clean(const char *where, const char *text)
{
    static const char *const marks[] = { MARK, QUANTITY, "DETAIL", "HINT:", "CONTEXT" };
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        const char *at = strstr(text, marks[i]);
        cr_expect_null(at, "%s has %s: %.300s", where, marks[i], at);
    }
}

static char *ask(struct rig *rig, const char *path)
{
    struct answer answer = rig_get(rig, path);
    char *body = support_text("%s", answer.reply.body);
    answer_fini(&answer);
    return body;
}

static void expect_known(const char *where, const char *text, const struct cause *cause)
{
    cr_expect_not_null(strstr(text, cause->sqlstate), "%s: no %s", where, cause->sqlstate);
    cr_expect_not_null(strstr(text, cause->known), "%s: no %s", where, cause->known);
}

/* Operators find the code and the constraint, at the page and in the log. */
static void expect_for_strangers(struct rig *rig, const struct cause *cause)
{
    static const char *const paths[] = { "/status", "/health", "/health/ready", "/metrics" };
    char *log = daemon_log(rig->daemon);
    expect_clean("the log", log);
    expect_known("the log", log, cause);
    free(log);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        char *body = ask(rig, paths[i]);
        expect_clean(paths[i], body);
        if (i == 0)
            expect_known(paths[i], body, cause);
        free(body);
    }
}

Test(confidential, what_the_database_says_of_an_order, .timeout = TEST_S)
{
    struct rig rig = rig_open(LIST("LOG_LEVEL=debug"));
    for (size_t i = 0; i < sizeof causes / sizeof causes[0]; i++) {
        cluster_exec(rig.cluster, causes[i].sql);
        expect_for_sender(&rig, &causes[i], i);
        expect_for_strangers(&rig, &causes[i]);
        cluster_exec(rig.cluster, undo);
    }
    rig_close(&rig);
}

/* In a batch, atomic or not, each sender's order is refused in the same words. */
Test(confidential, what_the_database_says_of_a_batch, .timeout = TEST_S)
{
    static const char *const paths[] = { "/v1/orders/batch", "/v1/orders/batch?atomic=true" };
    struct rig rig = rig_open(LIST("LOG_LEVEL=debug"));
    cluster_exec(rig.cluster, causes[0].sql);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        char *one = marked_body(1), *two = marked_body(2);
        char *body = support_text("[%s,%s]", one, two);
        struct answer answer =
            rig_ask(&rig, "POST", paths[i], LIST("Content-Type: application/json"), body);
        EXPECT_STATUS(answer, 422);
        cr_expect_null(strstr(answer.reply.body, "DETAIL"));
        cr_expect_null(strstr(answer.reply.body, QUANTITY));
        answer_fini(&answer);
        expect_for_strangers(&rig, &causes[0]);
        free(body);
        free(two);
        free(one);
    }
    rig_close(&rig);
}

/* A lookup names an order, too: a policy's function may say what it was asked for. */
Test(confidential, what_the_database_says_of_a_lookup, .timeout = TEST_S)
{
    struct rig rig = rig_open(LIST("LOG_LEVEL=debug"));
    cluster_exec(rig.cluster,
                 "ALTER TABLE orders RENAME TO base; "
                 "CREATE FUNCTION tell(t text) RETURNS text LANGUAGE plpgsql AS "
                 "$$ BEGIN RAISE 'asked for " MARK "' USING DETAIL = '" MARK "'; END $$; "
                 "INSERT INTO base VALUES ('ACC', 'c-1', gen_random_uuid(), 'X', 'buy', 'market', "
                 "1, NULL, NULL, 'day', NULL, now()); "
                 "CREATE VIEW orders AS SELECT account_id, client_order_id, order_id, "
                 "tell(symbol) AS symbol, side, type, quantity, limit_price, stop_price, "
                 "time_in_force, metadata, received_at, submitted_by FROM base");
    struct answer answer = rig_get(&rig, "/v1/orders?account_id=ACC&client_order_id=c-1");
    expect_problem(&answer, 503, "database_unavailable", NULL);
    cr_expect_null(strstr(answer.reply.body, MARK));
    answer_fini(&answer);
    expect_for_strangers(&rig, &(struct cause){ .sqlstate = "P0001", .known = "lookup.failed" });
    rig_close(&rig);
}

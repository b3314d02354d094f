/* AUTH=keys, end to end: who may post, read and see what; rates; keys that come and go by SIGHUP;
 * what the program says of a file of keys; and hash-key. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "keys_file.h"
#include "service_rig.h"

enum { EXIT_CONFIG = 78 };

/* ---- keys, and the file of them ---- */

#define ALICE "alice-secret-0123456789"
#define BOB "bob-secret-0123456789"
#define CAROL "carol-secret-0123456789"

static int file_of(const char *text)
{
    int fd = memfd_create("input", MFD_CLOEXEC);
    cr_assert(fd >= 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    cr_assert_eq(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

/* Runs `ordersd hash-key` with this input: its exit status, and what it wrote, which is the
 * caller's to free. */
static int hash_key(const char *input, char **output)
{
    static const char *const no_env[] = { NULL };
    const char *const argv[] = { daemon_program(), "hash-key", NULL };
    struct process process = { .argv = argv, .env = no_env, .in_fd = file_of(input) };
    process.out_fd = memfd_create("output", MFD_CLOEXEC);
    pid_t pid = process_spawn(&process);
    int status = process_wait(pid, SOON_S);
    *output = support_read_fd(process.out_fd);
    close(process.in_fd);
    close(process.out_fd);
    return status;
}

/* "name sha256:HEX options\n", added to the file's text. */
static void add_line(struct buf *text, const char *name, const char *key, const char *options)
{
    char *hash;
    cr_assert_eq(hash_key(key, &hash), 0, "%s", hash);
    hash[strcspn(hash, "\n")] = '\0';
    buf_printf(text, "%s %s %s\n", name, hash, options);
    free(hash);
}

static void write_keys(struct buf *text)
{
    cr_assert_not(text->failed);
    keys_file_write(text->data);
    buf_fini(text);
}

/* Alice may all, Bob only BOB's account. */
static void write_alice_and_bob(void)
{
    struct buf text = BUF_INIT(4096);
    add_line(&text, "alice", ALICE, "");
    add_line(&text, "bob", BOB, "accounts=B1,B2");
    write_keys(&text);
}

TestSuite(keys, .fini = keys_file_remove);

/* Of the settings that ask for the file's keys; `more` may be NULL. */
static struct rig open_rig(const char *more)
{
    char *file = support_text("API_KEYS_FILE=%s", keys_file);
    struct rig rig = rig_open(LIST("AUTH=keys", file, "LOG_LEVEL=debug", more));
    free(file);
    return rig;
}

/* ---- asking ---- */

static struct answer post(struct rig *rig, const char *key, const char *account, const char *id)
{
    char *body = support_text("{'account_id':'%s','client_order_id':'%s','symbol':'X','side':'buy',"
                              "'type':'market','quantity':'1'}",
                              account, id);
    struct answer answer = ask(rig, "POST", "/v1/orders", key, body);
    free(body);
    return answer;
}

static int post_status(struct rig *rig, const char *key, const char *account, const char *id)
{
    struct answer answer = post(rig, key, account, id);
    int status = answer.status;
    answer_fini(&answer);
    return status;
}

static int get_status(struct rig *rig, const char *key, const char *where)
{
    struct answer answer = ask(rig, "GET", where, key, NULL);
    int status = answer.status;
    answer_fini(&answer);
    return status;
}

/* ---- who may ---- */

Test(keys, post_needs_a_key_that_may_use_the_account, .timeout = TEST_S)
{
    write_alice_and_bob();
    struct rig rig = open_rig(NULL);
    struct answer answer = post(&rig, NULL, "B1", "1");
    expect_problem(&answer, 401, "key_missing", "not_accepted");
    cr_expect(answer_header_is(&answer, "WWW-Authenticate", "Bearer realm=\"ordersd\""));
    answer_fini(&answer);

    answer = post(&rig, CAROL, "B1", "1");
    expect_problem(&answer, 401, "key_unknown", "not_accepted");
    answer_fini(&answer);

    answer =
        rig_ask(&rig, "POST", "/v1/orders",
                LIST("Content-Type: application/json", "Authorization: Basic Ym9iOmJvYg=="), "{}");
    expect_problem(&answer, 401, "key_malformed", "not_accepted");
    answer_fini(&answer);

    answer = post(&rig, BOB, "A1", "1");
    expect_problem(&answer, 403, "account_forbidden", "not_accepted");
    answer_fini(&answer);
    cr_expect_eq(cluster_query_int(rig.cluster, "SELECT count(*) FROM orders"), 0);

    cr_expect_eq(post_status(&rig, BOB, "B2", "1"), 201);
    cr_expect_eq(post_status(&rig, ALICE, "B2", "1"), 200, "a replay is one for each who may");
    cr_expect_eq(post_status(&rig, ALICE, "A1", "1"), 201);
    cr_expect_eq(cluster_query_int(rig.cluster, "SELECT count(*) FROM orders"), 2);

    cr_expect(daemon_log_wait(rig.daemon, "\"key\":\"bob\"", SOON_S));
    char *log = daemon_log(rig.daemon);
    cr_expect_not_null(strstr(log, "\"keys.loaded\""));
    cr_expect_null(strstr(log, "-secret-"), "a key is logged: %s", log);
    cr_expect_null(strstr(log, "keys.readable_by_all"));
    free(log);
    rig_close(&rig);
}

Test(keys, reading_shows_no_more_than_the_key_may_see, .timeout = TEST_S)
{
    write_alice_and_bob();
    struct rig rig = open_rig(NULL);
    struct answer made = post(&rig, ALICE, "A1", "1");
    EXPECT_STATUS(made, 201);
    char *one = support_text("/v1/orders/%s", answer_text(&made, "order_id"));
    answer_fini(&made);

    cr_expect_eq(get_status(&rig, ALICE, one), 200);
    cr_expect_eq(get_status(&rig, NULL, one), 401);
    struct answer hidden = ask(&rig, "GET", one, BOB, NULL);
    struct answer absent =
        ask(&rig, "GET", "/v1/orders/01a2097c-351c-7786-b9b4-6445788ae8c4", BOB, NULL);
    expect_problem(&hidden, 404, "order_not_found", NULL);
    expect_problem(&absent, 404, "order_not_found", NULL);
    cr_expect_str_eq(answer_text(&hidden, "detail"), answer_text(&absent, "detail"));
    answer_fini(&hidden);
    answer_fini(&absent);

    static const char of_a[] = "/v1/orders?account_id=A1&client_order_id=1";
    cr_expect_eq(get_status(&rig, ALICE, of_a), 200);
    cr_expect_eq(get_status(&rig, NULL, of_a), 401);
    cr_expect_eq(get_status(&rig, BOB, "/v1/orders?account_id=B1&client_order_id=1"), 200);
    struct answer forbidden = ask(&rig, "GET", of_a, BOB, NULL);
    expect_problem(&forbidden, 403, "account_forbidden", NULL);
    answer_fini(&forbidden);
    free(one);
    rig_close(&rig);
}

/* A cursor is a position and gives no right: the account of each request counts. */
Test(keys, each_page_of_a_list_needs_the_right_to_its_account, .timeout = TEST_S)
{
    write_alice_and_bob();
    struct rig rig = open_rig(NULL);
    cr_expect_eq(post_status(&rig, ALICE, "A1", "1"), 201);
    cr_expect_eq(post_status(&rig, ALICE, "A1", "2"), 201);
    cr_expect_eq(post_status(&rig, BOB, "B1", "1"), 201);
    cr_expect_eq(post_status(&rig, BOB, "B1", "2"), 201);

    static const char of_a[] = "/v1/orders?account_id=A1&limit=1";
    struct answer page = ask(&rig, "GET", of_a, ALICE, NULL);
    EXPECT_STATUS(page, 200);
    char *next_of_a = support_text("%s&cursor=%s", of_a, answer_text(&page, "next_cursor"));
    char *next_of_b = support_text("/v1/orders?account_id=B1&limit=1&cursor=%s",
                                   answer_text(&page, "next_cursor"));
    answer_fini(&page);
    cr_expect_eq(get_status(&rig, ALICE, next_of_a), 200);
    cr_expect_eq(get_status(&rig, NULL, next_of_a), 401);
    cr_expect_eq(get_status(&rig, BOB, next_of_b), 200);
    const char *const hidden[] = { of_a, next_of_a };
    for (size_t i = 0; i < 2; i++) {
        struct answer forbidden = ask(&rig, "GET", hidden[i], BOB, NULL);
        expect_problem(&forbidden, 403, "account_forbidden", NULL);
        answer_fini(&forbidden);
    }
    free(next_of_a);
    free(next_of_b);
    rig_close(&rig);
}

static bool shows_holders(struct rig *rig, const char *key)
{
    struct answer health = ask(rig, "GET", "/health", key, NULL);
    EXPECT_STATUS(health, 200);
    json_t *pool = json_object_get(health.json, "pool");
    cr_expect_not_null(json_object_get(pool, "current_state"));
    bool shows = json_object_get(pool, "holders") != NULL;
    answer_fini(&health);
    return shows;
}

Test(keys, health_needs_no_key_and_says_more_to_one, .timeout = TEST_S)
{
    write_alice_and_bob();
    struct rig rig = open_rig(NULL);
    static const char *const open[] = { "/health",         "/health/live", "/health/ready",
                                        "/health/startup", "/version",     "/metrics" };
    for (size_t i = 0; i < sizeof open / sizeof open[0]; i++) {
        cr_expect_eq(get_status(&rig, NULL, open[i]), 200, "%s", open[i]);
        cr_expect_eq(get_status(&rig, CAROL, open[i]), 200, "%s", open[i]);
    }
    cr_expect_not(shows_holders(&rig, NULL));
    cr_expect_not(shows_holders(&rig, CAROL));
    cr_expect(shows_holders(&rig, BOB));
    cr_expect_eq(get_status(&rig, NULL, "/nowhere"), 404);
    rig_close(&rig);
}

Test(keys, metrics_may_need_one, .timeout = TEST_S)
{
    write_alice_and_bob();
    struct rig rig = open_rig("AUTH_METRICS=true");
    cr_expect_eq(get_status(&rig, NULL, "/metrics"), 401);
    cr_expect_eq(get_status(&rig, CAROL, "/metrics"), 401);
    cr_expect_eq(get_status(&rig, BOB, "/metrics"), 200);
    cr_expect_eq(get_status(&rig, NULL, "/status"), 401);
    cr_expect_eq(get_status(&rig, BOB, "/status"), 200);
    cr_expect_eq(get_status(&rig, NULL, "/"), 200, "the page has no figures of its own");
    cr_expect_eq(get_status(&rig, NULL, "/health"), 200);
    cr_expect_eq(get_status(&rig, NULL, "/version"), 200);
    rig_close(&rig);
}

/* ---- what is shown of a database that is away ---- */

static bool holds(struct rig *rig, const char *key, const char *where, const char *text)
{
    struct answer answer = ask(rig, "GET", where, key, NULL);
    bool found = answer.reply.body != NULL && strstr(answer.reply.body, text) != NULL;
    answer_fini(&answer);
    return found;
}

static const char *const shown_to_all[] = { "/health",  "/health/live", "/health/ready",
                                            "/metrics", "/status",      "/health/startup",
                                            "/",        "/version" };

/* Where the database is and as whom it is asked stands in the log, and is for those with a key. */
Test(keys, strangers_hear_the_class_of_a_failure, .timeout = TEST_S)
{
    SKIP_BEHIND_POOLER("it keeps its clients waiting for a database that is away");
    write_alice_and_bob();
    struct rig rig = open_rig(NULL);
    cluster_stop(rig.cluster, CLUSTER_IMMEDIATE);
    cr_assert(
        WAIT_UNTIL(holds(&rig, NULL, "/health/ready", "no connection can be opened"), SOON_S));
    cr_expect(holds(&rig, NULL, "/health", "no connection can be opened"));
    cr_expect(holds(&rig, NULL, "/status", "no connection can be opened"));
    cr_expect(holds(&rig, NULL, "/status", "pool.dial_failed"));
    for (size_t i = 0; i < sizeof shown_to_all / sizeof shown_to_all[0]; i++) {
        cr_expect_not(holds(&rig, NULL, shown_to_all[i], "connection to server"), "%s",
                      shown_to_all[i]);
        cr_expect_not(holds(&rig, CAROL, shown_to_all[i], cluster_folder(rig.cluster)), "%s",
                      shown_to_all[i]);
    }
    cr_expect(WAIT_UNTIL(holds(&rig, ALICE, "/health", "connection to server"), SOON_S));
    cr_expect(holds(&rig, ALICE, "/status", "connection to server"));
    cr_expect(daemon_log_wait(rig.daemon, "connection to server", SOON_S));
    cluster_start(rig.cluster);
    rig_close(&rig);
}

Test(keys, strangers_hear_the_sqlstate_of_a_refusal, .timeout = TEST_S)
{
    SKIP_BEHIND_POOLER("it has its own words");
    struct cluster *cluster = cluster_open(NULL);
    char *url = support_text("DATABASE_URL=%s dbname=nowhere-7", cluster_conninfo(cluster));
    struct rig rig = rig_spawn(cluster, LIST(url));
    static const char words[] =
        "the database server refuses the user, the password or the database name "
        "(SQLSTATE 3D000)";
    cr_assert(WAIT_UNTIL(holds(&rig, NULL, "/health/ready", words), SOON_S));
    cr_expect(holds(&rig, NULL, "/health", words));
    cr_expect(WAIT_UNTIL(holds(&rig, NULL, "/status", "pool.refused"), SOON_S));
    for (size_t i = 0; i < sizeof shown_to_all / sizeof shown_to_all[0]; i++)
        cr_expect_not(holds(&rig, NULL, shown_to_all[i], "nowhere-7"), "%s", shown_to_all[i]);
    cr_expect(daemon_log_wait(rig.daemon, "nowhere-7", SOON_S));
    free(url);
    rig_close(&rig);
}

/* ---- rates ---- */

static bool is_limited(struct rig *rig)
{
    struct answer answer = post(rig, CAROL, "C1", "1");
    bool limited = answer.status == 429;
    if (limited) {
        expect_problem(&answer, 429, "rate_limited", "not_accepted");
        cr_expect_eq(json_is_true(json_object_get(answer.json, "retryable")), 1);
        cr_expect_gt(json_integer_value(json_object_get(answer.json, "retry_after_ms")), 0);
        cr_expect(answer_header_is(&answer, "Retry-After", "1"));
        cr_expect(answer_header_is(&answer, "RateLimit", "\"key\";r=0;t=1"));
    } else {
        cr_expect(answer.status == 201 || answer.status == 200, "%d", answer.status);
    }
    cr_expect(answer_header_is(&answer, "RateLimit-Policy", "\"key\";q=2;w=2"));
    answer_fini(&answer);
    return limited;
}

Test(keys, a_rate_is_kept_and_comes_back, .timeout = TEST_S)
{
    struct buf text = BUF_INIT(4096);
    add_line(&text, "alice", ALICE, "");
    add_line(&text, "carol", CAROL, "rate=1/s burst=2");
    write_keys(&text);
    struct rig rig = open_rig(NULL);
    cr_expect(WAIT_UNTIL(is_limited(&rig), SOON_S));
    cr_expect_eq(post_status(&rig, ALICE, "A1", "1"), 201, "the others' keys are not concerned");
    cr_expect(WAIT_UNTIL(!is_limited(&rig), SOON_S));
    rig_close(&rig);
}

/* ---- batches ---- */

#define ITEM(account, id)                                                                          \
    "{'account_id':'" account "','client_order_id':'" id "','symbol':'X','side':'buy',"            \
    "'type':'market','quantity':'1'}"

static json_int_t item_status(const struct answer *batch, size_t i)
{
    const json_t *item = json_array_get(json_object_get(batch->json, "results"), i);
    return json_integer_value(json_object_get(item, "status"));
}

Test(keys, a_batch_is_judged_order_by_order_and_charged_for_each, .timeout = TEST_S)
{
    struct buf text = BUF_INIT(4096);
    add_line(&text, "carol", CAROL, "accounts=C1 rate=1/s burst=1000");
    write_keys(&text);
    struct rig rig = open_rig(NULL);
    static const char body[] = "[" ITEM("C1", "1") "," ITEM("A1", "1") "," ITEM("C1", "2") "]";
    struct answer batch = ask(&rig, "POST", "/v1/orders/batch", NULL, body);
    expect_problem(&batch, 401, "key_missing", "not_accepted");
    answer_fini(&batch);

    batch = ask(&rig, "POST", "/v1/orders/batch", CAROL, body);
    EXPECT_STATUS(batch, 207);
    cr_expect_eq(item_status(&batch, 0), 201);
    cr_expect_eq(item_status(&batch, 1), 403);
    cr_expect_eq(item_status(&batch, 2), 201);
    cr_expect_eq(cluster_query_int(rig.cluster, "SELECT count(*) FROM orders"), 2);
    answer_fini(&batch);

    struct buf many = BUF_INIT(1 << 20); /* a debt that no test waits off */
    for (int i = 0; i < 3000; i++)
        buf_printf(&many, "%s%s", i == 0 ? "[" : ",", ITEM("C1", "1"));
    buf_add_char(&many, ']');
    batch = ask(&rig, "POST", "/v1/orders/batch?validate_only=true", CAROL, many.data);
    EXPECT_STATUS(batch, 200);
    answer_fini(&batch);
    cr_expect_eq(post_status(&rig, CAROL, "C1", "1"), 429);
    buf_fini(&many);
    rig_close(&rig);
}

/* ---- SIGHUP ---- */

static void hang_up(struct rig *rig, const char *event)
{
    daemon_signal(rig->daemon, SIGHUP);
    cr_assert(daemon_log_wait(rig->daemon, event, SOON_S), "%s", event);
}

Test(keys, come_and_go_by_sighup, .timeout = TEST_S)
{
    write_alice_and_bob();
    struct rig rig = open_rig(NULL);
    cr_expect_eq(post_status(&rig, BOB, "B1", "1"), 201);
    cr_expect_eq(post_status(&rig, CAROL, "B1", "1"), 401);

    struct buf text = BUF_INIT(4096);
    add_line(&text, "carol", CAROL, "accounts=B1");
    write_keys(&text);
    hang_up(&rig, "\"keys.reloaded\",\"n\":1");
    cr_expect_eq(post_status(&rig, BOB, "B1", "1"), 401);
    cr_expect_eq(post_status(&rig, CAROL, "B1", "1"), 200);

    keys_file_write("carol " CAROL "\n");
    hang_up(&rig, "keys.reload_failed");
    cr_expect_eq(post_status(&rig, CAROL, "B1", "1"), 200, "the keys are as they were");
    char *log = daemon_log(rig.daemon);
    char *where = support_text("%s, line 1: after the name comes sha256:", keys_file);
    cr_expect_not_null(strstr(log, where), "%s", log);
    cr_expect_null(strstr(log, "-secret-"), "a key is logged: %s", log);
    free(where);
    free(log);

    write_alice_and_bob();
    cr_assert_eq(chmod(keys_file, 0644), 0);
    hang_up(&rig, "keys.readable_by_all");
    cr_expect_eq(post_status(&rig, BOB, "B1", "1"), 200);
    rig_close(&rig);
}

/* ---- the command line ---- */

static void expect_run(const char *const settings[], const char *arg, int want, const char *text)
{
    char *output;
    int status = rig_run(NULL, settings, LIST(arg), &output);
    cr_expect_eq(status, want, "exit %d, not %d: %s", status, want, output);
    cr_expect_not_null(strstr(output, text), "no '%s' in: %s", text, output);
    cr_expect_null(strstr(output, "-secret-"), "a key is shown: %s", output);
    free(output);
}

Test(keys, the_configuration_is_judged_with_its_file, .timeout = TEST_S)
{
    write_alice_and_bob();
    char *file = support_text("API_KEYS_FILE=%s", keys_file);
    expect_run(LIST("AUTH=keys", file), "--check-config", 0, "good");
    expect_run(LIST("AUTH=keys", file, "HTTP_ADDRESS=0.0.0.0"), "--check-config", 0, "good");
    expect_run(LIST("AUTH=keys", file), "--print-config", 0, file);
    expect_run(LIST("AUTH=keys"), "--check-config", EXIT_CONFIG, "name the file");
    expect_run(LIST(file), "--check-config", EXIT_CONFIG, "say AUTH=keys");
    expect_run(LIST("AUTH_METRICS=true"), "--check-config", EXIT_CONFIG, "only AUTH=keys");
    expect_run(LIST("HTTP_ADDRESS=0.0.0.0"), "--check-config", EXIT_CONFIG,
               "say AUTH=keys to ask for a key of API_KEYS_FILE, or AUTH=none");
    expect_run(LIST("AUTH=keys", "API_KEYS_FILE=/nowhere"), "--check-config", EXIT_CONFIG,
               "API_KEYS_FILE=/nowhere: cannot read it: No such file");

    keys_file_write("# keys\nalice " ALICE "\n");
    expect_run(LIST("AUTH=keys", file), "--check-config", EXIT_CONFIG, ", line 2: after the name");
    expect_run(LIST("AUTH=keys", file), NULL, EXIT_CONFIG, ", line 2: after the name");
    free(file);
}

Test(keys, hash_key_says_what_the_file_wants, .timeout = TEST_S)
{
    /* clang-format off */
    static const struct {
        const char *input;
        int status;
        const char *says;
    } cases[] = {
        { "0123456789abcdef\n", 0, "sha256:9f9f5111f7b27a781f1f1ddde5ebc2dd2b796bfc7365c9c28b548e564176929f\n" },
        { "0123456789abcdef",   0, "sha256:9f9f5111f7b27a781f1f1ddde5ebc2dd2b796bfc7365c9c28b548e564176929f\n" },
        { "0123456789abcdef\r\n", 0, "sha256:9f9f5111f7b27a781f1f1ddde5ebc2dd2b796bfc7365c9c28b548e564176929f\n" },
        { "\xef\xbb\xbf" "0123456789abcdef\n", 0, "sha256:9f9f5111f7b27a781f1f1ddde5ebc2dd2b796bfc7365c9c28b548e564176929f\n" },
        { "",                       1, "16 to 512 characters" },
        { "\n",                     1, "16 to 512 characters" },
        { "0123456789abcde\n",      1, "16 to 512 characters" },
        { "0123456789 abcdef\n",    1, "of A-Z a-z 0-9 - . _ ~ + /" },
        { "0123456789abcdef\r",     1, "more than one line" },
        { "0123456789abcdef\nx",    1, "more than one line" },
        { "0123456789abcdef\n\n",   1, "more than one line" },
    };
    /* clang-format on */
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *output;
        cr_expect_eq(hash_key(cases[i].input, &output), cases[i].status, "%s", cases[i].input);
        cr_expect_not_null(strstr(output, cases[i].says), "%s", output);
        cr_expect(cases[i].status == 0 || strstr(output, "456789") == NULL, "a key is shown");
        free(output);
    }
    char *output, longest[600];
    memset(longest, 'a', sizeof longest);
    longest[513] = '\0';
    cr_expect_eq(hash_key(longest, &output), 1);
    free(output);
    cr_expect_eq(hash_key(longest + 1, &output), 0, "%s", output);
    free(output);
    cr_expect_eq(rig_run(NULL, NULL, LIST("hash-key", ALICE), &output), EXIT_CONFIG);
    cr_expect_not_null(strstr(output, "by standard input"));
    cr_expect_null(strstr(output, "-secret-"));
    free(output);
}

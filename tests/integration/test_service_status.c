/* GET /status: the samples of the last minutes, the state of now and why, and the last errors. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service_rig.h"

enum { ORDERS = 5 };

static json_t *member(const json_t *value, const char *name)
{
    json_t *found = json_object_get(value, name);
    cr_assert_not_null(found, "no member %s", name);
    return found;
}

static const char *why_of(const struct answer *status)
{
    const char *first = json_string_value(json_array_get(member(status->json, "why"), 0));
    return first != NULL ? first : "";
}

static json_t *rows_of(const struct answer *status)
{
    return member(member(status->json, "samples"), "rows");
}

static size_t column(const struct answer *status, const char *name)
{
    size_t i;
    json_t *each;
    json_array_foreach(member(member(status->json, "samples"), "columns"), i,
                       each) if (strcmp(json_string_value(each), name) == 0) return i;
    support_fail("no column %s", name);
}

static json_int_t total(const struct answer *status, const char *name)
{
    size_t i, at = column(status, name);
    json_t *row;
    json_int_t sum = 0;
    json_array_foreach(rows_of(status), i, row) sum += json_integer_value(json_array_get(row, at));
    return sum;
}

static struct answer get_status(struct rig *rig, const char *query)
{
    char *path = support_text("/status%s", query);
    struct answer status = rig_get(rig, path);
    free(path);
    EXPECT_STATUS(status, 200);
    cr_assert_not_null(status.json);
    return status;
}

/* Has the sum of that column come to n, at least? */
static bool comes_to(struct rig *rig, const char *name, json_int_t n)
{
    struct answer status = get_status(rig, "");
    json_int_t have = total(&status, name);
    answer_fini(&status);
    return have >= n;
}

static void post_orders(struct rig *rig)
{
    for (int i = 0; i < ORDERS; i++) {
        char *id = support_text("order-%d", i), *body = order_body(id, "EURUSD");
        struct answer answer = rig_post(rig, body);
        EXPECT_STATUS(answer, 201);
        answer_fini(&answer);
        free(body);
        free(id);
    }
}

/* Counts are read before the latencies: a tick in between puts those into the next row. */
static void expect_latency_with_orders_only(const struct answer *status)
{
    size_t i, created = column(status, "created"), p99 = column(status, "commit_p99_us");
    size_t latencies = 0;
    json_int_t before = 0;
    json_t *row;
    json_array_foreach(rows_of(status), i, row)
    {
        json_int_t orders = json_integer_value(json_array_get(row, created));
        bool some = json_is_integer(json_array_get(row, p99));
        cr_expect(!some || orders + before > 0, "row %zu", i);
        latencies += some;
        before = orders;
    }
    cr_expect_gt(latencies, 0);
}

Test(status, counts_each_second, .timeout = TEST_S)
{
    struct rig rig = rig_open(NULL);
    cr_assert(WAIT_UNTIL(comes_to(&rig, "ready", 1), SOON_S), "a first sample");
    post_orders(&rig);
    cr_expect(WAIT_UNTIL(comes_to(&rig, "created", ORDERS), SOON_S));
    struct answer status = get_status(&rig, "");
    cr_expect_str_eq(answer_text(&status, "status"), "warn", "a test's database has no fsync");
    cr_expect_not_null(strstr(why_of(&status), "fsync=off"));
    cr_expect_eq(json_integer_value(member(member(status.json, "limits"), "max_pool_size")), 8);
    cr_expect(json_is_true(member(member(status.json, "last_health_check"), "passed")));
    cr_expect_eq(total(&status, "created"), ORDERS);
    cr_expect_eq(total(&status, "grouped_orders"), ORDERS);
    cr_expect_eq(total(&status, "commits"), total(&status, "groups"));
    expect_latency_with_orders_only(&status);
    answer_fini(&status);
    rig_close(&rig);
}

Test(status, says_which_replica_it_shows, .timeout = TEST_S)
{
    char host[65] = "";
    struct rig rig = rig_open(NULL);
    struct answer status = get_status(&rig, "");
    json_t *replica = member(status.json, "replica");
    cr_assert_eq(gethostname(host, sizeof host - 1), 0);
    cr_expect_str_eq(json_string_value(member(replica, "host")), host);
    cr_expect_eq(json_integer_value(member(replica, "pid")), daemon_pid(rig.daemon));
    answer_fini(&status);
    rig_close(&rig);
}

static bool shows_error(const struct answer *status, const char *event)
{
    size_t i;
    json_t *each;
    bool found = false;
    json_array_foreach(member(status->json, "last_errors"), i, each) found |=
        strcmp(json_string_value(member(each, "event")), event) == 0;
    return found;
}

Test(status, shows_what_was_warned_of_before_it_listened, .timeout = TEST_S)
{
    struct cluster *cluster = cluster_open(NULL);
    char *path = support_text("%s/password", cluster_folder(cluster));
    char *setting = support_text("DATABASE_PASSWORD_FILE=%s", path);
    FILE *file = fopen(path, "we");
    cr_assert(file != NULL && fputs("unused\n", file) >= 0 && fclose(file) == 0);
    cr_assert_eq(chmod(path, 0644), 0);
    struct rig rig = rig_spawn(cluster, LIST(setting));
    cr_assert(daemon_wait_status(rig.daemon, "/health/live", 200, SOON_S));
    struct answer status = get_status(&rig, "");
    cr_expect(shows_error(&status, "secret.readable_by_all"), "%s", status.reply.body);
    answer_fini(&status);
    free(setting);
    free(path);
    rig_close(&rig);
}

static json_int_t last_number(const struct answer *status)
{
    json_t *rows = rows_of(status);
    return json_integer_value(
        json_array_get(json_array_get(rows, json_array_size(rows) - 1), column(status, "number")));
}

/* One second is enough: what comes after a sample is one more, or none yet. */
Test(status, after_a_sample_comes_the_next, .timeout = TEST_S)
{
    struct rig rig = rig_open(NULL);
    cr_assert(WAIT_UNTIL(comes_to(&rig, "ready", 2), SOON_S));
    struct answer all = get_status(&rig, "");
    json_int_t last = last_number(&all);
    char *after_first = support_text("?after=%d", 1);
    struct answer rest = get_status(&rig, after_first);
    cr_expect_geq(last_number(&rest), last);
    cr_expect_eq(json_integer_value(json_array_get(json_array_get(rows_of(&rest), 0), 0)), 2);
    answer_fini(&rest);

    static const char *const of_another_run[] = { "?after=900", "?after=", "?after=x", "?after=-1",
                                                  "?after=99999999999999999999" };
    for (size_t i = 0; i < sizeof of_another_run / sizeof of_another_run[0]; i++) {
        rest = get_status(&rig, of_another_run[i]);
        cr_expect_eq(json_integer_value(json_array_get(json_array_get(rows_of(&rest), 0), 0)), 1,
                     "%s: all of them", of_another_run[i]);
        answer_fini(&rest);
    }
    free(after_first);
    answer_fini(&all);
    rig_close(&rig);
}

static bool says(struct rig *rig, const char *want, const char *why)
{
    struct answer status = get_status(rig, "");
    bool met =
        strcmp(answer_text(&status, "status"), want) == 0 && strstr(why_of(&status), why) != NULL;
    answer_fini(&status);
    return met;
}

static const json_t *error_of(const struct answer *status, const char *event)
{
    size_t i;
    json_t *each;
    json_array_foreach(member(status->json, "last_errors"), i,
                       each) if (strcmp(json_string_value(member(each, "event")), event) ==
                                 0) return each;
    return NULL;
}

/* LOG_LEVEL=error: what is not in the log is on the page all the same. */
Test(status, says_why_and_what_went_wrong, .timeout = TEST_S)
{
    SKIP_BEHIND_POOLER("it keeps its clients waiting for a database that is away");
    struct rig rig = rig_open(LIST("LOG_LEVEL=error", "AUTH=none"));
    cluster_stop(rig.cluster, CLUSTER_IMMEDIATE);
    cr_assert(WAIT_UNTIL(says(&rig, "fail", "the database is down"), SOON_S));
    cr_expect(WAIT_UNTIL(comes_to(&rig, "pool_errors", 1), SOON_S));
    struct answer status = get_status(&rig, "");
    const json_t *failed = error_of(&status, "pool.dial_failed");
    cr_assert_not_null(failed);
    cr_expect_gt(json_integer_value(member(failed, "count")), 0);
    cr_expect_not_null(strstr(json_string_value(member(failed, "text")), "connect"));
    answer_fini(&status);

    cluster_start(rig.cluster);
    cr_expect(WAIT_UNTIL(says(&rig, "warn", "fsync=off"), SOON_S));
    rig_close(&rig);
}

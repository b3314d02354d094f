/* Clients that do not read their answers, and orders that the database has made large. The memory
 * that they make the service hold stays within MEMORY_MAX, other clients are served, and the memory
 * goes back to the system when they are gone. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "batch_bodies.h"
#include "service_rig.h"

/* About 113 of the 132 MiB are the fixed part, which other options bound. */
#define SMALL_MEMORY "MEMORY_MAX=132MiB", "HTTP_MAX_CONNECTIONS=100", "ORDERS_WORKERS=4"
enum { MIB = 1 << 20, MEMORY_MAX = 132 * MIB, AT_REST = 64 * MIB };

enum { LINES = 5000, DEAF = 40, WIDE = 100, WIDE_NUMBERS = 670, MANY = 24, FEW = 16 };

/* ---- what the kernel counts ---- */

/* A line of /proc/PID/status, in bytes. */
static double resident(struct rig *rig, const char *name)
{
    char path[64], line[256];
    double kib = -1;
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)daemon_pid(rig->daemon));
    FILE *status = fopen(path, "re");
    cr_assert_not_null(status);
    while (kib < 0 && fgets(line, sizeof line, status) != NULL)
        if (strncmp(line, name, strlen(name)) == 0)
            kib = strtod(line + strlen(name), NULL);
    (void)fclose(status);
    return kib * 1024;
}

/* Is what is resident the program's own? A sanitizer takes several times as much memory, and the
 * program may be of another build than this test. A sanitizer reserves terabytes of addresses. */
static bool is_resident_its_own(struct rig *rig)
{
    return resident(rig, "VmSize:") < 64.0 * 1024 * 1024 * 1024;
}

static double held(struct rig *rig)
{
    return rig_metric(rig, "ordersd_client_memory_bytes");
}

static double refused(struct rig *rig)
{
    return rig_metric(rig, "ordersd_client_memory_refused_total");
}

static void expect_nothing_left(struct rig *rig)
{
    cr_expect(WAIT_UNTIL(held(rig) == 0, SOON_S), "%.0f bytes are held", held(rig));
    if (!is_resident_its_own(rig))
        return;
    cr_expect(WAIT_UNTIL(resident(rig, "VmRSS:") < AT_REST, SOON_S), "%.0f bytes are resident",
              resident(rig, "VmRSS:"));
    cr_expect_lt(resident(rig, "VmHWM:"), MEMORY_MAX, "%.0f bytes were resident",
                 resident(rig, "VmHWM:"));
}

/* ---- clients that do not read ---- */

/* Sends a whole request; the service need not read all of it. */
static int send_deaf(struct rig *rig, const char *head, const char *body)
{
    int fd = rig_dial(rig);
    const char *parts[] = { head, body };
    for (size_t i = 0; i < 2; i++)
        for (size_t at = 0, len = strlen(parts[i]); at < len;) {
            ssize_t n = send(fd, parts[i] + at, len - at, MSG_NOSIGNAL);
            if (n <= 0)
                return fd;
            at += (size_t)n;
        }
    return fd;
}

static char *repeated(const char *text, size_t n)
{
    struct buf out = BUF_INIT(n * strlen(text));
    size_t len;
    for (size_t i = 0; i < n; i++)
        buf_add_str(&out, text);
    return buf_steal(&out, &len);
}

static bool is_live(struct rig *rig)
{
    struct answer answer = rig_get(rig, "/health/live");
    bool live = answer.status == 200;
    answer_fini(&answer);
    return live;
}

static bool is_created(struct rig *rig, const char *id)
{
    char *body = order_body(id, "EURUSD");
    struct answer answer = rig_post(rig, body);
    bool created = answer.status == 201;
    answer_fini(&answer);
    free(body);
    return created;
}

/* 15 kB that are answered with more than a megabyte, from clients that do not read it. */
Test(memory, lines_that_are_answered_with_megabytes, .timeout = TEST_S)
{
    struct rig rig = rig_open(LIST(SMALL_MEMORY));
    char *lines = repeated("{}\n", LINES), head[200];
    double max = rig_metric(&rig, "ordersd_client_memory_max_bytes");
    int fds[DEAF];
    cr_expect_eq(rig_metric(&rig, "ordersd_memory_max_bytes"), MEMORY_MAX);
    (void)snprintf(head, sizeof head,
                   "POST /v1/orders/batch HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                   "application/x-ndjson\r\nContent-Length: %zu\r\n\r\n",
                   strlen(lines));
    for (size_t i = 0; i < DEAF; i++)
        fds[i] = send_deaf(&rig, head, lines);
    cr_expect(WAIT_UNTIL(refused(&rig) > 0, SOON_S));
    for (int i = 0; i < 10; i++) {
        char id[32];
        (void)snprintf(id, sizeof id, "beside-%d", i);
        cr_expect(is_live(&rig));
        cr_expect(is_created(&rig, id), "there is room for a small one");
        cr_expect_leq(held(&rig), max);
    }
    for (size_t i = 0; i < DEAF; i++)
        close(fds[i]);
    expect_nothing_left(&rig);
    free(lines);
    rig_close(&rig);
}

/* A request that was refused for want of memory says so, stored nothing, and succeeds later. */
Test(memory, a_batch_for_which_there_is_no_memory_is_refused, .timeout = TEST_S)
{
    struct rig rig = rig_open(LIST(SMALL_MEMORY, "ORDERS_BATCH_MAX=50000"));
    char *body = batch_body("large", 20000);
    struct answer answer =
        rig_ask(&rig, "POST", "/v1/orders/batch", LIST("Content-Type: application/json"), body);
    expect_problem(&answer, 503, "overloaded", "not_accepted");
    cr_expect(answer_header_is(&answer, "Retry-After", "1"));
    answer_fini(&answer);
    free(body);
    cr_expect_eq(cluster_query_int(rig.cluster, "SELECT count(*) FROM orders"), 0);
    cr_expect(is_created(&rig, "small"));
    expect_nothing_left(&rig);
    rig_close(&rig);
}

/* There are too many errors to report all of them: still each order has its result. */
Test(memory, an_answer_is_shortened_and_whole, .timeout = TEST_S)
{
    struct rig rig = rig_open(NULL);
    char *lines = repeated("{}\n", LINES);
    struct answer answer = rig_ask(&rig, "POST", "/v1/orders/batch",
                                   LIST("Content-Type: application/x-ndjson"), lines);
    expect_problem(&answer, 422, "invalid_order", "not_accepted");
    json_t *results = json_object_get(answer.json, "results"), *result;
    size_t i, with_errors = 0;
    cr_assert_eq(json_array_size(results), LINES);
    json_array_foreach(results, i, result)
    {
        json_t *error = json_object_get(result, "error");
        cr_assert_eq(json_integer_value(json_object_get(result, "index")), (json_int_t)i);
        cr_assert_str_eq(json_string_value(json_object_get(error, "code")), "invalid_order");
        cr_assert_not_null(json_object_get(error, "detail"));
        with_errors += json_object_get(error, "errors") != NULL;
    }
    cr_expect_gt(with_errors, 100);
    cr_expect_lt(with_errors, LINES);
    cr_expect_lt(answer.reply.body_len, 2 * MIB);
    answer_fini(&answer);
    free(lines);
    rig_close(&rig);
}

/* ---- orders that the database has made large ---- */

/* As versions without a bound for numbers have stored them: 4 kB that became 208 kB. */
static void store_wide(struct rig *rig)
{
    cluster_exec(rig->cluster,
                 "INSERT INTO orders SELECT 'ACC', 'w-' || i, gen_random_uuid(), 'EURUSD', 'buy', "
                 "'market', 1, NULL, NULL, 'day', ('{\"a\":[' || rtrim(repeat('1e308,', 670), ',') "
                 "|| ']}')::jsonb, now() FROM generate_series(0, 99) i");
}

/* "w-FROM,w-FROM+1,..." */
static char *wide_path(size_t n)
{
    struct buf path = BUF_INIT(4096);
    size_t len;
    buf_add_str(&path, "/v1/orders?account_id=ACC&client_order_id=");
    for (size_t i = 0; i < n; i++)
        buf_printf(&path, "%sw-%zu", i > 0 ? "," : "", i);
    return buf_steal(&path, &len);
}

static size_t occurrences(const char *text, const char *word)
{
    size_t n = 0;
    for (; (text = strstr(text, word)) != NULL; text += strlen(word))
        n++;
    return n;
}

static size_t count(const struct answer *answer, const char *member)
{
    return json_array_size(json_object_get(answer->json, member));
}

/* No order is lost: orders that are not shown are listed, and are shown when fewer ids are asked
 * for. */
Test(memory, a_lookup_names_what_is_too_large_to_be_shown, .timeout = TEST_S)
{
    struct rig rig = rig_open(LIST(SMALL_MEMORY));
    store_wide(&rig);
    cr_assert(is_created(&rig, "small"));
    char *all = wide_path(MANY), *few = wide_path(FEW);
    char *mixed = support_text("%s,small", all);
    struct answer answer = rig_get(&rig, mixed);
    EXPECT_STATUS(answer, 200);
    cr_expect_eq(count(&answer, "orders"), 1);
    cr_expect_eq(count(&answer, "not_found"), 0);
    cr_expect_eq(count(&answer, "not_fetched"), MANY);
    answer_fini(&answer);

    answer = rig_get(&rig, few);
    EXPECT_STATUS(answer, 200);
    /* its numbers are too wide for jansson */
    cr_expect_eq(occurrences(answer.reply.body, "\"client_order_id\":\"w-"), FEW);
    cr_expect_null(strstr(answer.reply.body, "not_fetched"));
    cr_expect_gt(answer.reply.body_len, FEW * 200000);
    answer_fini(&answer);
    expect_nothing_left(&rig);
    free(all);
    free(few);
    free(mixed);
    rig_close(&rig);
}

/* On a slow machine a lookup may also be answered 503 `database_down`, when it has waited for its
 * turn until its deadline: then it is asked again. */
static bool lookup_is(struct rig *rig, const char *path, int status, const char *code)
{
    struct answer answer = rig_get(rig, path);
    bool is = answer.status == status && strcmp(answer_text(&answer, "code"), code) == 0;
    if (is && status == 503)
        expect_problem(&answer, 503, code, NULL);
    answer_fini(&answer);
    return is;
}

static bool is_lookup_refused(struct rig *rig, const char *path)
{
    return lookup_is(rig, path, 503, "overloaded");
}

static bool is_lookup_answered(struct rig *rig, const char *path)
{
    return lookup_is(rig, path, 200, "");
}

struct deaf {
    int fds[DEAF];
    char *head;
};

/* Has it been answered, and not with the orders? */
static bool is_turned_away(int fd)
{
    static const char taken[] = "HTTP/1.1 200";
    char head[sizeof taken - 1];
    ssize_t n = recv(fd, head, sizeof head, MSG_PEEK | MSG_DONTWAIT);
    return n == 0 || (n == (ssize_t)sizeof head && memcmp(head, taken, sizeof head) != 0);
}

/* True when there is no memory for one lookup more. On a slow machine those who do not read may
 * have been turned away after waiting for their turn, and hold nothing: they come again. */
static bool is_filled(struct rig *rig, struct deaf *deaf, const char *path)
{
    for (size_t i = 0; i < DEAF; i++)
        if (is_turned_away(deaf->fds[i])) {
            close(deaf->fds[i]);
            deaf->fds[i] = send_deaf(rig, deaf->head, "");
        }
    return is_lookup_refused(rig, path);
}

Test(memory, lookups_that_nobody_reads, .timeout = TEST_S)
{
    struct rig rig = rig_open(LIST(SMALL_MEMORY));
    store_wide(&rig);
    char *few = wide_path(FEW);
    struct deaf deaf = { .head = support_text("GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", few) };
    double max = rig_metric(&rig, "ordersd_client_memory_max_bytes");
    for (size_t i = 0; i < DEAF; i++)
        deaf.fds[i] = send_deaf(&rig, deaf.head, "");
    cr_expect(WAIT_UNTIL(is_filled(&rig, &deaf, few), SOON_S));
    cr_expect_leq(held(&rig), max);
    cr_expect(is_live(&rig));
    cr_expect(is_created(&rig, "beside"));
    cr_expect(WAIT_UNTIL(is_lookup_answered(&rig, few), SOON_S), "who does not read is cut");
    for (size_t i = 0; i < DEAF; i++)
        close(deaf.fds[i]);
    expect_nothing_left(&rig);
    free(few);
    free(deaf.head);
    rig_close(&rig);
}

/* An order of account ACC with so many numbers as wide as they come. */
static char *wide_order(const char *id, size_t numbers)
{
    struct buf out = BUF_INIT(8192);
    size_t len;
    buf_printf(&out,
               "{\"client_order_id\":\"%s\",\"account_id\":\"ACC\",\"symbol\":\"EURUSD\",\"side\":"
               "\"buy\",\"type\":\"market\",\"quantity\":\"1\",\"metadata\":{\"a\":[",
               id);
    for (size_t i = 0; i < numbers; i++)
        buf_add_str(&out, i > 0 ? ",1e308" : "1e308");
    buf_add_str(&out, "]}}");
    return buf_steal(&out, &len);
}

static struct answer post_batch(struct rig *rig, const char *query, const char *const orders[],
                                size_t n)
{
    struct buf body = BUF_INIT(MIB);
    char *path = support_text("/v1/orders/batch%s", query);
    for (size_t i = 0; i < n; i++) {
        buf_add_str(&body, orders[i]);
        buf_add_char(&body, '\n');
    }
    struct answer answer =
        rig_ask(rig, "POST", path, LIST("Content-Type: application/x-ndjson"), body.data);
    buf_fini(&body);
    free(path);
    return answer;
}

static const char *code_of_result(const struct answer *answer, size_t i)
{
    json_t *result = json_array_get(json_object_get(answer->json, "results"), i);
    const char *code = json_string_value(json_object_get(json_object_get(result, "error"), "code"));
    return code != NULL ? code : "";
}

static int status_of_result(const struct answer *answer, size_t i)
{
    json_t *result = json_array_get(json_object_get(answer->json, "results"), i);
    return (int)json_integer_value(json_object_get(result, "status"));
}

/* A new one is refused; one that was stored by an older version is what it always was: a replay. */
Test(memory, wide_numbers_are_refused_unless_they_are_stored, .timeout = TEST_S)
{
    struct rig rig = rig_open(NULL);
    store_wide(&rig);
    char *stored = wide_order("w-7", WIDE_NUMBERS), *other = wide_order("w-7", WIDE_NUMBERS - 1);
    char *new = wide_order("new", WIDE_NUMBERS), *few = wide_order("few", 100);

    struct answer answer = rig_post(&rig, stored);
    EXPECT_STATUS(answer, 200);
    cr_expect(answer_header_is(&answer, "Idempotent-Replayed", "true"));
    cr_expect_eq(count(&answer, "metadata"), 0);
    cr_expect_eq(json_array_size(json_object_get(json_object_get(answer.json, "metadata"), "a")),
                 WIDE_NUMBERS);
    cr_expect_lt(answer.reply.body_len, 8192, "as it was sent, and not as it is stored");
    answer_fini(&answer);

    answer = rig_post(&rig, other);
    expect_problem(&answer, 422, "client_order_id_reused", "not_accepted");
    answer_fini(&answer);

    answer = rig_post(&rig, new);
    expect_problem(&answer, 422, "invalid_order", "not_accepted");
    json_t *error = json_array_get(json_object_get(answer.json, "errors"), 0);
    cr_expect_str_eq(json_string_value(json_object_get(error, "pointer")), "/metadata");
    cr_expect_str_eq(json_string_value(json_object_get(error, "code")), "number_out_of_range");
    answer_fini(&answer);

    answer = rig_ask(&rig, "POST", "/v1/orders?validate_only=true",
                     LIST("Content-Type: application/json"), new);
    expect_problem(&answer, 422, "invalid_order", "not_accepted");
    answer_fini(&answer);

    answer = rig_post(&rig, few);
    EXPECT_STATUS(answer, 201);
    answer_fini(&answer);
    cr_expect_eq(cluster_query_int(rig.cluster, "SELECT count(*) FROM orders"), WIDE + 1);
    free(stored);
    free(other);
    free(new);
    free(few);
    rig_close(&rig);
}

Test(memory, wide_numbers_in_a_batch, .timeout = TEST_S)
{
    struct rig rig = rig_open(NULL);
    store_wide(&rig);
    char *stored = wide_order("w-7", WIDE_NUMBERS), *good = wide_order("good", 1);
    char *new = wide_order("new", WIDE_NUMBERS);

    struct answer answer = post_batch(&rig, "", LIST(stored, new, good), 3);
    EXPECT_STATUS(answer, 207);
    cr_expect_eq(status_of_result(&answer, 0), 200);
    cr_expect_eq(status_of_result(&answer, 1), 422);
    cr_expect_str_eq(code_of_result(&answer, 1), "invalid_order");
    cr_expect_eq(status_of_result(&answer, 2), 201);
    answer_fini(&answer);

    answer = post_batch(&rig, "?atomic=true", LIST(stored, good), 2);
    EXPECT_STATUS(answer, 200);
    answer_fini(&answer);

    answer = post_batch(&rig, "?atomic=true", LIST(stored, new), 2);
    EXPECT_STATUS(answer, 422);
    cr_expect_eq(status_of_result(&answer, 0), 424);
    cr_expect_str_eq(code_of_result(&answer, 1), "invalid_order");
    answer_fini(&answer);

    answer = post_batch(&rig, "?validate_only=true", LIST(good, new), 2);
    EXPECT_STATUS(answer, 207);
    cr_expect_eq(status_of_result(&answer, 0), 200);
    cr_expect_str_eq(code_of_result(&answer, 1), "invalid_order");
    answer_fini(&answer);
    free(stored);
    free(good);
    free(new);
    rig_close(&rig);
}

/* ---- the option ---- */

Test(memory, too_little_is_refused_at_start, .timeout = TEST_S)
{
    char *output;
    int status = rig_run(NULL, LIST("MEMORY_MAX=64MiB"), LIST("--check-config"), &output);
    cr_expect_eq(status, 78, "%d", status);
    cr_expect_not_null(strstr(output, "MEMORY_MAX"), "%s", output);
    cr_expect_not_null(strstr(output, "at least"), "%s", output);
    free(output);
    status = rig_run(NULL, LIST(SMALL_MEMORY), LIST("--check-config"), &output);
    cr_expect_eq(status, 0, "%d: %s", status, output);
    free(output);
}

/* service_rig.c - see service_rig.h. */
#include "service_rig.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "support/engine.h"
#include "support/exchanges.h"

enum { SETTINGS_MAX = 40 };

/* Runs once, before the first test. */
ReportHook(PRE_ALL)(struct criterion_test_set *tests UNUSED)
{
    exchanges_begin();
}

/* ---- the program ---- */

struct settings {
    const char *all[SETTINGS_MAX + 1];
    size_t n;
};

static void add_all(struct settings *to, const char *const more[])
{
    for (size_t i = 0; more != NULL && more[i] != NULL; i++) {
        CHECK(to->n < SETTINGS_MAX);
        to->all[to->n++] = more[i];
    }
}

/* If a name is set twice, the first setting counts. */
static struct settings settings_with(const char *const settings[], const char *database_url)
{
    static const char *const careful[] = { "DATABASE_PREPARE=false", NULL };
    static const char *const patient[] = { "DATABASE_MIN_POOL_SIZE=2",
                                           "DATABASE_MAX_POOL_SIZE=8",
                                           "DATABASE_INITIAL_RETRY_DELAY=50ms",
                                           "DATABASE_MAX_RETRY_DELAY=500ms",
                                           "DATABASE_HEALTH_CHECK_INTERVAL=10s",
                                           "DATABASE_HEALTH_CHECK_TIMEOUT=10s",
                                           "LOG_FORMAT=json",
                                           NULL };
    struct settings all = { .n = 0 };
    add_all(&all, settings);
    if (pooler_forbids_prepare())
        add_all(&all, careful);
    if (database_url != NULL)
        add_all(&all, (const char *const[]){ database_url, NULL });
    add_all(&all, patient);
    return all;
}

struct rig rig_spawn(struct cluster *cluster, const char *const settings[])
{
    struct rig rig = { .cluster = cluster, .http = http_client_open() };
    char *url = support_text("DATABASE_URL=%s", pooler_conninfo_for(cluster));
    struct settings all = settings_with(settings, url);
    rig.daemon = daemon_spawn(all.all, NULL);
    free(url);
    return rig;
}

struct rig rig_open(const char *const settings[])
{
    struct cluster *cluster = cluster_open(NULL);
    engine_prepare(cluster);
    struct rig rig = rig_spawn(cluster, settings);
    if (!daemon_wait_status(rig.daemon, "/health/ready", 200, SOON_S))
        support_fail("the daemon is not ready; its log:\n%s", daemon_log(rig.daemon));
    return rig;
}

void rig_close(struct rig *rig)
{
    http_client_close(&rig->http);
    if (daemon_alive(rig->daemon))
        cr_expect_eq(daemon_stop(rig->daemon), 0, "the daemon's exit status");
    daemon_close(&rig->daemon);
    cluster_close(&rig->cluster);
}

int rig_run(struct cluster *cluster, const char *const settings[], const char *const args[],
            char **output)
{
    char *url =
        cluster != NULL ? support_text("DATABASE_URL=%s", pooler_conninfo_for(cluster)) : NULL;
    struct settings all = settings_with(settings, url);
    struct daemon *daemon = daemon_spawn(all.all, args);
    int status = daemon_wait_exit(daemon, SOON_S);
    *output = daemon_log(daemon);
    if (status < 0)
        support_fail("the program does not end; it wrote:\n%s", *output);
    daemon_close(&daemon);
    free(url);
    return status;
}

/* ---- requests ---- */

char *quoted(const char *text)
{
    char *copy = support_text("%s", text);
    for (char *c = copy; *c != '\0'; c++)
        if (*c == '\'')
            *c = '"';
    return copy;
}

char *order_body(const char *client_order_id, const char *symbol)
{
    return support_text("{\"account_id\":\"ACC\",\"client_order_id\":\"%s\",\"symbol\":\"%s\","
                        "\"side\":\"buy\",\"type\":\"market\",\"quantity\":\"1\"}",
                        client_order_id, symbol);
}

void answer_read(struct answer *answer)
{
    answer->status = answer->reply.status;
    const char *body = answer->reply.body;
    answer->json = body != NULL ? json_loads(body, 0, NULL) : NULL;
    if (body != NULL && answer->json == NULL) /* metadata may have integers beyond 64 bits */
        answer->json = json_loads(body, JSON_DECODE_INT_AS_REAL, NULL);
}

struct answer rig_ask(struct rig *rig, const char *method, const char *path,
                      const char *const headers[], const char *body)
{
    struct answer answer = { .status = 0 };
    char *text = body != NULL ? quoted(body) : NULL;
    (void)http_do(rig->http, method, daemon_url(rig->daemon, path), headers, text, &answer.reply);
    answer_read(&answer);
    free(text);
    return answer;
}

struct answer rig_post(struct rig *rig, const char *body)
{
    static const char *const json[] = { "Content-Type: application/json", NULL };
    return rig_ask(rig, "POST", "/v1/orders", json, body);
}

struct answer rig_get(struct rig *rig, const char *path)
{
    return rig_ask(rig, "GET", path, NULL, NULL);
}

void answer_fini(struct answer *answer)
{
    http_reply_fini(&answer->reply);
    json_decref(answer->json);
    *answer = (struct answer){ .status = 0 };
}

const char *answer_text(const struct answer *answer, const char *member)
{
    const char *text = json_string_value(json_object_get(answer->json, member));
    return text != NULL ? text : "";
}

bool answer_header_is(const struct answer *answer, const char *name, const char *value)
{
    char found[256];
    return http_reply_header(&answer->reply, name, found, sizeof found) &&
           strcmp(found, value) == 0;
}

void expect_problem(const struct answer *answer, int status, const char *code, const char *outcome)
{
    EXPECT_STATUS(*answer, status);
    cr_expect(answer_header_is(answer, "Content-Type", "application/problem+json"));
    cr_expect_str_eq(answer_text(answer, "code"), code);
    cr_expect_str_eq(answer_text(answer, "outcome"), outcome != NULL ? outcome : "");
    cr_expect_eq(json_integer_value(json_object_get(answer->json, "status")), status);
}

/* ---- metrics ---- */

static bool find_sample(const char *text, const char *sample, double *value)
{
    size_t len = strlen(sample);
    for (const char *line = text; line != NULL && *line != '\0';) {
        if (strncmp(line, sample, len) == 0 && line[len] == ' ') {
            *value = strtod(line + len, NULL);
            return true;
        }
        line = strchr(line, '\n');
        line += line != NULL;
    }
    return false;
}

static struct sockaddr_in address_of(const struct rig *rig)
{
    return (struct sockaddr_in){ .sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)daemon_port(rig->daemon)),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

int rig_dial(const struct rig *rig)
{
    struct sockaddr_in to = address_of(rig);
    struct timeval patience = { .tv_sec = SOON_S };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
    CHECK(connect(fd, (const struct sockaddr *)&to, sizeof to) == 0);
    return fd;
}

void rig_send(int fd, const char *text)
{
    (void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
}

void rig_read_head(int fd, char head[RIG_HEAD_SIZE])
{
    size_t len = 0;
    ssize_t n = 1;
    head[0] = '\0';
    while (strstr(head, "\r\n\r\n") == NULL && n > 0 && len < RIG_HEAD_SIZE - 1) {
        n = recv(fd, head + len, RIG_HEAD_SIZE - 1 - len, 0);
        len += n > 0 ? (size_t)n : 0;
        head[len] = '\0';
    }
}

bool rig_refuses_connections(const struct rig *rig)
{
    struct sockaddr_in to = address_of(rig);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    bool refused = connect(fd, (const struct sockaddr *)&to, sizeof to) != 0;
    close(fd);
    return refused;
}

double rig_metric(struct rig *rig, const char *sample)
{
    struct answer scrape = rig_get(rig, "/metrics");
    double value;
    if (!find_sample(scrape.reply.body != NULL ? scrape.reply.body : "", sample, &value))
        support_fail("/metrics answers %d and has no %s", scrape.status, sample);
    answer_fini(&scrape);
    return value;
}

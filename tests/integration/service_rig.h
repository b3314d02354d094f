/* service_rig.h - everything that a test of the service needs: a PostgreSQL, ordersd, an HTTP
 * client.
 *
 * Pooler     ORDERSD_TEST_POOLER=transaction (or session) puts a PgBouncer between the two, in all
 *            tests: support/pooler.h. In transaction mode they run with DATABASE_PREPARE=false.
 * Engine     ORDERSD_TEST_ENGINE makes the table of rig_open() another one: support/engine.h.
 * Bodies     Tests write ' in place of " in JSON, to keep it readable. No body has a ' of its own.
 * Failure    A failure ends the process, with a line that says why. */
#ifndef SERVICE_RIG_H
#define SERVICE_RIG_H

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "integration/patience.h"
#include "support/cluster.h"
#include "support/daemon.h"
#include "support/http.h"
#include "support/pooler.h"
#include "support/process.h"
#include "support/wait.h"

/* A NULL-terminated list of strings. */
#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* Settings for a test whose database stops answering. Other tests have longer timeouts, because one
 * late check on a busy machine would make the service not ready for a moment. */
#define CHECKED_EACH_SECOND "DATABASE_HEALTH_CHECK_INTERVAL=1s", "DATABASE_HEALTH_CHECK_TIMEOUT=1s"

struct rig {
    struct cluster *cluster;
    struct daemon *daemon;
    struct http_client *http;
};

/* Opens a cluster, a daemon that is ready, and a client. `settings` are "NAME=value" strings and a
 * NULL, or NULL. They override the rig's own, which make the service find a lost database again
 * soon. */
struct rig rig_open(const char *const settings[]) MUST_CHECK;

/* As rig_open(), with the given cluster, and without waiting until the daemon is ready. */
struct rig rig_spawn(struct cluster *cluster, const char *const settings[]) MUST_CHECK;

/* Stops the daemon, which must exit with 0 if it still runs, and frees everything. */
void rig_close(struct rig *rig);

/* Runs the program to its end, with these settings, and with DATABASE_URL if there is a cluster.
 * Returns its exit status. *output has its standard output and error; the caller frees it. */
int rig_run(struct cluster *cluster, const char *const settings[], const char *const args[],
            char **output);

/* ---- requests and answers ---- */

struct answer {
    int status; /* 0: no answer, see reply.error */
    struct http_reply reply;
    json_t *json; /* owned; NULL if the body is not JSON */
};

struct answer rig_ask(struct rig *rig, const char *method, const char *path,
                      const char *const headers[], const char *body) MUST_CHECK;
struct answer rig_post(struct rig *rig, const char *body) MUST_CHECK; /* to /v1/orders */
struct answer rig_get(struct rig *rig, const char *path) MUST_CHECK;

/* Opens a new connection, for bytes that no HTTP client would send. Reads time out after SOON_S.
 * The caller closes it. */
int rig_dial(const struct rig *rig) MUST_CHECK;

enum { RIG_HEAD_SIZE = 4096 };

/* For such a connection: send a text, and read the head of an answer ("" if the connection ended
 * first). */
void rig_send(int fd, const char *text);
void rig_read_head(int fd, char head[RIG_HEAD_SIZE]);

/* Returns true once every HTTP thread has begun to drain. The log says so earlier. */
bool rig_refuses_connections(const struct rig *rig) MUST_CHECK;

void answer_fini(struct answer *answer); /* frees and zeroes */

/* Fills in the other members from answer->reply, which any client may have received. */
void answer_read(struct answer *answer);

/* Returns the member's value if it is a string, else "". Borrowed. */
const char *answer_text(const struct answer *answer, const char *member);
bool answer_header_is(const struct answer *answer, const char *name, const char *value);

#define EXPECT_STATUS(answer, want)                                                                \
    cr_expect_eq((answer).status, (want), "%d, not %d: %s%s", (answer).status, (want),             \
                 (answer).reply.body != NULL ? (answer).reply.body : "", (answer).reply.error)

/* Expects a problem document with this status, code and outcome (NULL: no outcome). */
void expect_problem(const struct answer *answer, int status, const char *code, const char *outcome);

/* A body: an order to buy 1 at the market for account ACC. The caller frees it. */
char *order_body(const char *client_order_id, const char *symbol) MUST_CHECK;

/* A copy of `text` with " in place of '. The caller frees it. */
char *quoted(const char *text) MUST_CHECK;

/* The value of a sample of /metrics, which must exist. It is named with its labels: `up{a="b"}`. */
double rig_metric(struct rig *rig, const char *sample);

#endif

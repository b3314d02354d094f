/* service_rig.h - for one test: a PostgreSQL, the program that serves on it, a client that asks.
 *
 * Pooler     ORDERSD_TEST_POOLER=transaction (or session) puts a PgBouncer between the two, in all
 *            tests: support/pooler.h. In transaction mode they run with DATABASE_PREPARE=false.
 * Bodies     are written here with ' for ", so that a test can be read: no body has a ' of its own.
 * Failure    what does not work ends the process with a line that says why. */
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

/* A list of strings that ends with NULL. */
#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* For a test whose database goes silent. The others are patient: a check that is late on a busy
 * machine makes the service not ready for a moment. */
#define CHECKED_EACH_SECOND "DATABASE_HEALTH_CHECK_INTERVAL=1s", "DATABASE_HEALTH_CHECK_TIMEOUT=1s"

struct rig {
    struct cluster *cluster;
    struct daemon *daemon;
    struct http_client *http;
};

/* Cluster, daemon, client; the daemon is ready. `settings`: "NAME=value", ends with NULL, or NULL;
 * they count for more than the rig's own, which let it find a lost database again soon. */
struct rig rig_open(const char *const settings[]) MUST_CHECK;

/* The same with a cluster that is there, and waiting for nothing. */
struct rig rig_spawn(struct cluster *cluster, const char *const settings[]) MUST_CHECK;

/* A daemon that still runs is stopped and must exit 0. */
void rig_close(struct rig *rig);

/* Runs the program with these settings, and DATABASE_URL if there is a cluster, to its end: its
 * exit status. What it wrote, standard output and error, is the caller's to free. */
int rig_run(struct cluster *cluster, const char *const settings[], const char *const args[],
            char **output);

/* ---- asking ---- */

struct answer {
    int status; /* 0: none, see reply.error */
    struct http_reply reply;
    json_t *json; /* owned; NULL when the body is no JSON */
};

struct answer rig_ask(struct rig *rig, const char *method, const char *path,
                      const char *const headers[], const char *body) MUST_CHECK;
struct answer rig_post(struct rig *rig, const char *body) MUST_CHECK; /* to /v1/orders */
struct answer rig_get(struct rig *rig, const char *path) MUST_CHECK;

/* A connection of its own, for bytes that no client would send; reads wait SOON_S. Caller closes.
 */
int rig_dial(const struct rig *rig) MUST_CHECK;

enum { RIG_HEAD_SIZE = 4096 };

/* On such a connection: sends a text, and reads the head of an answer ("" when it ended before). */
void rig_send(int fd, const char *text);
void rig_read_head(int fd, char head[RIG_HEAD_SIZE]);

/* True once the drain has reached every thread that serves HTTP; the log says it earlier. */
bool rig_refuses_connections(const struct rig *rig) MUST_CHECK;

void answer_fini(struct answer *answer); /* frees and zeroes */

/* Takes an exchange of any client for an answer. */
void answer_read(struct answer *answer);

/* A member that is a string; "" when it is not there, or is something else. Borrowed. */
const char *answer_text(const struct answer *answer, const char *member);
bool answer_header_is(const struct answer *answer, const char *name, const char *value);

#define EXPECT_STATUS(answer, want)                                                                \
    cr_expect_eq((answer).status, (want), "%d, not %d: %s%s", (answer).status, (want),             \
                 (answer).reply.body != NULL ? (answer).reply.body : "", (answer).reply.error)

/* A problem document with this status, code and outcome (NULL: none is said). */
void expect_problem(const struct answer *answer, int status, const char *code, const char *outcome);

/* An order to buy 1 at the market for account ACC, as a body; caller frees. */
char *order_body(const char *client_order_id, const char *symbol) MUST_CHECK;

/* `text` with " for '; caller frees. */
char *quoted(const char *text) MUST_CHECK;

/* The value of a sample of /metrics, named with its labels: `up{a="b"}`. It must be there. */
double rig_metric(struct rig *rig, const char *sample);

#endif

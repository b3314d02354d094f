/* Clients have turns, and so have the requests of one client: seen by the order of the commits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "batch_bodies.h"
#include "order_volley.h"
#include "service_rig.h"
#include "side_session.h"

#define BATCH "/v1/orders/batch"

enum { GROUP = 50 };

#define SLOWLY                                                                                     \
    "ORDERS_GROUP_MAX=50", "ORDERS_WORKERS=1", "ORDERS_COMMIT_TIMEOUT=120s",                       \
        "ORDERS_QUEUE_WAIT_MAX=60s"

static bool waits(struct rig *rig, int64_t orders)
{
    return WAIT_UNTIL(rig_metric(rig, "ordersd_queue_depth") == orders, SOON_S);
}

/* Returns how many orders were committed in a group before that of the order with this id. The
 * table has been written by one worker, so a later group has a higher transaction id. */
static int64_t committed_before(struct rig *rig, const char *client_order_id)
{
    char *sql = support_text("SELECT count(*) FROM orders WHERE xmin::text::bigint < (SELECT "
                             "xmin::text::bigint FROM orders WHERE client_order_id = '%s')",
                             client_order_id);
    int64_t n = cluster_query_int(rig->cluster, sql);
    free(sql);
    return n;
}

Test(turns, a_single_order_does_not_wait_for_a_batch, .timeout = TEST_S)
{
    enum { MANY = 1000 };
    struct rig rig = rig_open(LIST(SLOWLY));
    PGconn *locker = side_session_begin(&rig, "LOCK TABLE orders");
    char *many = batch_body("many", MANY), *one = order_body("one", "EURUSD");
    struct volley *batch = volley_start_at(&rig, BATCH, (const char *const *)&many, 1);
    cr_assert(waits(&rig, MANY - GROUP), "the first group waits for the lock");
    struct volley *single = volley_start(&rig, (const char *const *)&one, 1);
    cr_assert(waits(&rig, MANY - GROUP + 1));
    side_session_end(locker, "COMMIT");
    volley_join(single);
    volley_join(batch);
    EXPECT_STATUS(*volley_answer(single, 0), 201);
    EXPECT_STATUS(*volley_answer(batch, 0), 201);
    cr_expect_eq(committed_before(&rig, "one"), GROUP, "the single order is in the second group");
    volley_close(&single);
    volley_close(&batch);
    free(many);
    free(one);
    rig_close(&rig);
}

/* ---- keys ---- */

static const char keys[] =
    "alice sha256:7afddc1d4458dd0709e8d5d1b1577fd1e02dfe0fe6bbb66757b3ff8c75476e91\n"
    "bob sha256:ce669b4c4a3b3e0beabf49e3e032ed3e668f1f4b79d17c90de6d40ca3ee1e5c3\n";

static char *keys_file(void)
{
    int fd = memfd_create("keys", 0); /* open until the test ends */
    cr_assert(fd >= 0);
    cr_assert_eq(write(fd, keys, sizeof keys - 1), (ssize_t)sizeof keys - 1);
    return support_text("API_KEYS_FILE=/proc/%d/fd/%d", (int)getpid(), fd);
}

/* Sends a batch over a connection of its own, which is returned. Takes the body. */
static int send_batch(const struct rig *rig, const char *key, char *body)
{
    char *request =
        support_text("POST " BATCH " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
                     "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                     key, strlen(body), body);
    int fd = rig_dial(rig);
    rig_send(fd, request);
    free(request);
    free(body);
    return fd;
}

static void expect_created(int fd)
{
    char head[RIG_HEAD_SIZE];
    rig_read_head(fd, head);
    cr_expect(strncmp(head, "HTTP/1.1 201", 12) == 0, "%s", head);
    close(fd);
}

/* Alice's three batches have no more turns than Bob's one. */
Test(turns, a_client_does_not_wait_for_the_batches_of_another, .timeout = TEST_S)
{
    enum { MANY = 500, FEW = 100 };
    char *file = keys_file();
    struct rig rig = rig_open(LIST(SLOWLY, "AUTH=keys", file));
    PGconn *locker = side_session_begin(&rig, "LOCK TABLE orders");
    int fds[4];
    fds[0] = send_batch(&rig, "alice-secret-0123456789", batch_body("a", MANY));
    cr_assert(waits(&rig, MANY - GROUP));
    fds[1] = send_batch(&rig, "alice-secret-0123456789", batch_body("b", MANY));
    fds[2] = send_batch(&rig, "alice-secret-0123456789", batch_body("c", MANY));
    cr_assert(waits(&rig, 3 * MANY - GROUP));
    fds[3] = send_batch(&rig, "bob-secret-0123456789", batch_body("bob", FEW));
    cr_assert(waits(&rig, 3 * MANY - GROUP + FEW));
    side_session_end(locker, "COMMIT");
    for (size_t i = 0; i < 4; i++)
        expect_created(fds[i]);
    cr_expect_eq(
        committed_before(&rig, "bob-99"), GROUP + 2 * FEW - GROUP,
        "half of each group is Bob's, and his last order is in the fourth after the first");
    rig_close(&rig);
    free(file);
}

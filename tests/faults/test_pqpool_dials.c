/* How many connections the pool makes, and how fast: one prober while nobody answers, however many
 * wait; never more than the maximum and the control connection at a time. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/sync.h"
#include "faults/fault_rig.h"
#include "support/self.h"

enum { WAITERS = 100, DIALS_MAX = 64, PROBE_S = 6, INITIAL_MS = 100, CAP_MS = 800 };

/* ---- somebody who counts ---- */

/* Accepts and hangs up at once: to a dialler the same as a refusal, but one that can be counted. */
struct counter {
    int fd, port;
    pthread_t thread;
    atomic_bool stop;
    atomic_int n;
    int64_t at_ns[DIALS_MAX];
};

static void *count_dials(void *arg)
{
    struct counter *counter = arg;
    while (!atomic_load(&counter->stop)) {
        struct pollfd entry = { .fd = counter->fd, .events = POLLIN };
        int fd = poll(&entry, 1, 20) == 1 ? accept(counter->fd, NULL, NULL) : -1;
        if (fd < 0)
            continue;
        int n = atomic_load(&counter->n);
        if (n < DIALS_MAX)
            counter->at_ns[n] = clock_now_ns();
        atomic_store(&counter->n, n + 1);
        close(fd);
    }
    return NULL;
}

static void open_counter(struct counter *counter)
{
    const struct sockaddr_in addr = { .sin_family = AF_INET,
                                      .sin_port = htons((uint16_t)counter->port),
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    counter->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(counter->fd, 0);
    cr_assert_eq(bind(counter->fd, (const struct sockaddr *)&addr, sizeof addr), 0);
    cr_assert_eq(listen(counter->fd, WAITERS), 0);
    cr_assert_eq(thread_start(&counter->thread, "counter", count_dials, counter), 0);
}

static void close_counter(struct counter *counter)
{
    atomic_store(&counter->stop, true);
    thread_join(counter->thread);
    close(counter->fd);
}

/* ---- the rate of dials ---- */

/* Nobody is down here: all go on waiting. */
static struct pqpool_options options_to_probe(const char *conninfo, bool jitter)
{
    struct pqpool_options options = options_for(conninfo, 0, RIG_MAX);
    options.max_retry_attempts = 1000;
    options.initial_retry_delay_ns = INITIAL_MS * NS_PER_MS;
    options.max_retry_delay_ns = CAP_MS * NS_PER_MS;
    options.retry_jitter = jitter;
    return options;
}

/* When the n-th dial (from 0) may begin at the earliest: before the first failure the control
 * connection and one for those who wait are dialled together, from then on one at a time. */
static int64_t earliest_ns(int n)
{
    int64_t at_ms = 0, delay_ms = INITIAL_MS;
    for (int i = 1; i < n; i++) {
        at_ms += delay_ms;
        delay_ms = delay_ms * 2 < CAP_MS ? delay_ms * 2 : CAP_MS;
    }
    return at_ms * NS_PER_MS;
}

static int most_dials(int64_t span_ns)
{
    int n = 0;
    while (earliest_ns(n) <= span_ns)
        n++;
    return n;
}

static uint64_t sum_of_errors(const struct pqpool_stats *stats)
{
    uint64_t sum = 0;
    for (int i = 0; i < PQPOOL_ERROR_CLASSES; i++)
        sum += stats->counters.connection_errors[i];
    return sum;
}

/* No dial begins after the cut, and none succeeds: how many there were, once the last has ended. */
static uint64_t count_to_the_last(struct pqpool *pool)
{
    struct pqpool_stats stats;
    pqpool_abort(pool);
    AWAIT((stats = stats_of(pool), sum_of_errors(&stats) == stats.counters.connect_attempts));
    return stats.counters.connect_attempts;
}

/* A pool that dials for PROBE_S seconds while a hundred wait; how many times it did. */
static uint64_t probe(int port, bool jitter, int64_t *took_ns)
{
    char *conninfo = support_text("host=127.0.0.1 port=%d user=postgres sslmode=disable "
                                  "gssencmode=disable",
                                  port);
    const struct pqpool_options options = options_to_probe(conninfo, jitter);
    int64_t began_ns = clock_now_ns();
    struct load load = {
        .sql = "SELECT 1", .acquire_ns = NS_PER_S, .exec_ns = NS_PER_S, .n_threads = WAITERS
    };
    load.pool = open_pool(&options);
    load_start(&load);
    AWAIT(clock_now_ns() - began_ns >= PROBE_S * NS_PER_S);
    load_stop(&load);
    uint64_t dials = count_to_the_last(load.pool);
    *took_ns = clock_now_ns() - began_ns;
    cr_expect_gt(atomic_load(&load.acquires[PQPOOL_TIMEOUT]), WAITERS);
    cr_expect_eq(atomic_load(&load.acquires[PQPOOL_OK]), 0);
    pqpool_close(&load.pool, after_seconds(SOON_S));
    free(conninfo);
    return dials;
}

Test(pqpool_dials, a_hundred_waiters_and_one_prober, .timeout = TEST_S)
{
    struct counter counter = { .port = process_free_port() };
    open_counter(&counter);
    int64_t took_ns, began_ns = clock_now_ns();
    uint64_t dials = probe(counter.port, false, &took_ns);
    close_counter(&counter);
    printf("dials: hung up on, no jitter, %d waiters: %d in %.1f s, the schedule's most is %d; at",
           WAITERS, counter.n, (double)took_ns / 1e9, most_dials(took_ns));
    for (int i = 0; i < counter.n && i < DIALS_MAX; i++) {
        printf(" %.3f", (double)(counter.at_ns[i] - began_ns) / 1e9);
        cr_expect_geq(counter.at_ns[i] - began_ns, earliest_ns(i), "dial %d came early", i);
    }
    printf("\n");
    cr_expect_eq(dials, (uint64_t)counter.n);
    cr_expect_geq(counter.n, most_dials(took_ns - RIG_SLACK_S * NS_PER_S) / 2, "it does try");
}

Test(pqpool_dials, a_hundred_waiters_on_a_refused_port, .timeout = TEST_S)
{
    int64_t took_ns;
    uint64_t dials = probe(process_free_port(), false, &took_ns);
    printf("dials: refused, no jitter, %d waiters: %llu in %.1f s, the schedule's most is %d\n",
           WAITERS, (unsigned long long)dials, (double)took_ns / 1e9, most_dials(took_ns));
    cr_expect_leq(dials, (uint64_t)most_dials(took_ns));
    cr_expect_geq(dials, (uint64_t)most_dials(took_ns - RIG_SLACK_S * NS_PER_S) / 2);
}

/* Full jitter: half as long on the average, so twice as many; many more would be a herd. */
Test(pqpool_dials, jitter_spreads_and_does_not_multiply, .timeout = TEST_S)
{
    struct counter counter = { .port = process_free_port() };
    open_counter(&counter);
    int64_t took_ns;
    uint64_t dials = probe(counter.port, true, &took_ns);
    close_counter(&counter);
    printf("dials: hung up on, full jitter, %d waiters: %d in %.1f s; without, at most %d\n",
           WAITERS, counter.n, (double)took_ns / 1e9, most_dials(took_ns));
    cr_expect_eq(dials, (uint64_t)counter.n);
    cr_expect_leq(counter.n, 4 * most_dials(took_ns));
    cr_expect_geq(counter.n, 3);
}

/* ---- how many at a time ---- */

enum { STORM_THREADS = 40, STORM_ROUNDS = 40, DISCARD_EACH = 3 };

static void add_own_ports(const struct rig *rig, char list[], size_t size)
{
    int ports[SELF_SOCKETS_MAX];
    int n = self_sockets_to(cluster_port(rig->cluster), ports);
    for (int i = 0; i < n; i++) {
        size_t len = strlen(list);
        (void)snprintf(list + len, size - len, ",%d", ports[i]);
    }
}

/* Looks at the server between two looks at our own sockets: a session whose socket was open at
 * neither is ending. Returns how many sessions there are. */
static int64_t count_sessions(struct rig *rig, int64_t *ending)
{
    char list[4096] = "";
    add_own_ports(rig, list, sizeof list);
    char *ports = cluster_query_text(rig->cluster,
                                     "SELECT string_agg(client_port::text, ',') FROM "
                                     "pg_stat_activity WHERE backend_type = 'client backend' AND "
                                     "application_name <> 'cluster'");
    add_own_ports(rig, list, sizeof list);
    char *query = support_text("SELECT count(*) || ' ' || count(*) FILTER (WHERE p NOT IN (0%s)) "
                               "FROM unnest(ARRAY[%s]::int[]) p",
                               list, ports != NULL ? ports : "");
    char *answer = cluster_query_text(rig->cluster, query);
    long long all = 0, gone = 0;
    cr_assert_eq(sscanf(answer, "%lld %lld", &all, &gone), 2);
    free(answer);
    free(query);
    free(ports);
    *ending = gone;
    return all;
}

/* A storm in which every third connection is thrown away: as many sockets of ours as agreed, at any
 * moment. The server may see more, those whose socket is closed here and which are ending there. */
Test(pqpool_dials, never_more_sockets_than_the_maximum_and_one, .timeout = TEST_S)
{
    struct rig rig = rig_of(RIG_DIRECT, NULL);
    rig.load.n_threads = STORM_THREADS;
    rig.load.discard_each = DISCARD_EACH;
    rig.load.acquire_ns = SOON_S * NS_PER_S;
    rig.load.exec_ns = generous_ns;
    int most_sockets = 0, ports[SELF_SOCKETS_MAX];
    int64_t most_sessions = 0, most_ending = 0, looks = 0;
    rig_start(&rig);
    for (int i = 0; i < STORM_ROUNDS; i++) {
        int64_t good = load_ended(&rig.load, PQPOOL_OK), ending;
        for (int more = true; more; looks++) {
            int sockets = self_sockets_to(cluster_port(rig.cluster), ports);
            most_sockets = sockets > most_sockets ? sockets : most_sockets;
            more = load_ended(&rig.load, PQPOOL_OK) < good + STORM_THREADS;
        }
        int64_t sessions = count_sessions(&rig, &ending);
        most_sessions = sessions > most_sessions ? sessions : most_sessions;
        most_ending = ending > most_ending ? ending : most_ending;
    }
    printf("sockets: at most %d of ours in %lld looks (max_pool_size %d and 1); at most %lld "
           "sessions on the server, at most %lld of them without a socket of ours: ending\n",
           most_sockets, (long long)looks, RIG_MAX, (long long)most_sessions,
           (long long)most_ending);
    cr_expect_leq(most_sockets, RIG_MAX + 1);
    (void)rig_expect_whole(&rig, "a storm with every third connection thrown away");
    cr_expect_eq(load_failures(&rig.load), 0);
    rig_end(&rig);
}

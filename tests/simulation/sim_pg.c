/* sim_pg.c - see sim_pg.h. A dial takes two waits, one to write and one to read, as libpq's do. */
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "simulation/sim_pg_impl.h"

/* clang-format off */
static const struct sim_mood_row moods[SIM_MOODS] = {
    /*                                quick long refused lost full denied never     quick long error 57P01 25006 cut never deaf unread unsent */
    [SIM_CALM]       = { "calm",       { 95,   5,  0,  0,  0,   0,   0 }, { 95,   5,   0,  0,   0,   0,   0,  0,  0,  0 },  0 },
    [SIM_FLAKY]      = { "flaky",      { 60,  10,  8,  8,  4,   1,   5 }, { 70,  10,   7,  1,   1,   5,   3,  1,  2,  1 }, 20 },
    [SIM_SLOW]       = { "slow",       { 20,  60,  0,  0,  0,   0,  20 }, { 30,  60,   0,  0,   0,   0,   5,  0,  5,  0 },  0 },
    [SIM_REFUSING]   = { "refusing",   {  0,   0, 60, 40,  0,   0,   0 }, {  0,   0,   0,  0,   0, 100,   0,  0,  0,  0 },  0 },
    [SIM_SILENT]     = { "silent",     {  0,   0,  0,  0,  0,   0, 100 }, {  0,   0,   0,  0,   0,   0,  80,  0, 20,  0 },  0 },
    [SIM_RESTARTING] = { "restarting", { 10,   0, 60, 10, 20,   0,   0 }, { 10,   0,   0, 80,   0,  10,   0,  0,  0,  0 }, 50 },
    [SIM_DEMOTED]    = { "demoted",    { 80,   0, 10, 10,  0,   0,   0 }, { 20,   0,   0,  0,  80,   0,   0,  0,  0,  0 }, 10 },
    [SIM_LOCKED]     = { "locked",     {  0,   0,  0,  0,  0, 100,   0 }, { 90,  10,   0,  0,   0,   0,   0,  0,  0,  0 }, 10 },
    [SIM_ROTTEN]     = { "rotten",     { 30,  30, 10, 30,  0,   0,   0 }, { 30,   0,  10,  0,   0,  60,   0,  0,  0,  0 },  0 },
    [SIM_WAITING]    = { "waiting",    { 90,  10,  0,  0,  0,   0,   0 }, { 60,   0,   0,  0,   0,   0,  15, 25,  0,  0 },  0 },
};
/* clang-format on */

struct sim_server sim_server;

struct session *sim_session_of(const PGconn *pg)
{
    SIM_CHECK(!sim_holds_lock(), "calls libpq with a mutex held");
    return (struct session *)(uintptr_t)pg;
}

uint32_t sim_draw_weighted(const uint8_t *weights, uint32_t n)
{
    uint32_t sum = 0, i = 0;
    for (uint32_t k = 0; k < n; k++)
        sum += weights[k];
    for (uint32_t dice = sim_draw(sum); dice >= weights[i]; i++)
        dice -= weights[i];
    return i;
}

int64_t sim_in_us(int64_t least_us, int64_t most_us)
{
    return sim_now_ns() + sim_draw_ns(least_us * NS_PER_US, most_us * NS_PER_US);
}

/* ---- moods ---- */

void sim_pg_reset(bool pooler)
{
    SIM_CHECK(sim_server.open == 0, "a connection is left over");
    while (sim_server.sessions != NULL)
        sim_backend_free(sim_server.sessions);
    sim_server = (struct sim_server){ .mood = &moods[SIM_CALM], .pooler = pooler };
    sim_lookup_reset();
}

void sim_pg_set_mood(enum sim_mood mood)
{
    sim_note("server", (unsigned)mood, moods[mood].name);
    sim_server.mood = &moods[mood];
}

void sim_pg_hang_up(uint32_t one_in)
{
    for (struct session *s = sim_server.sessions; s != NULL; s = s->next)
        if (!s->gone && s->status == CONNECTION_OK && sim_chance(one_in))
            s->socket->hang_up_at_ns = clock_min(s->socket->hang_up_at_ns, sim_now_ns());
}

void sim_pg_promote(void)
{
    uint32_t host = sim_draw(HOSTS);
    sim_note("host", host, "is promoted");
    sim_server.timelines[host] = ++sim_server.promotions;
}

void sim_pg_replace(void)
{
    uint32_t host = sim_draw(HOSTS);
    uint32_t system = sim_chance(3) ? sim_server.systems[sim_draw(HOSTS)] : ++sim_server.replaced;
    sim_note("host", host, "leads to another database");
    sim_server.systems[host] = system;
}

uint32_t sim_pg_system(const PGconn *pg)
{
    return ((const struct session *)(const void *)pg)->system;
}

uint32_t sim_pg_open(void)
{
    return sim_server.open;
}

uint32_t sim_pg_cancels_open(void)
{
    return sim_server.cancels_open;
}

uint32_t sim_pg_server(const PGconn *pg)
{
    return ((const struct session *)(const void *)pg)->host;
}

bool sim_pg_is_clean(const PGconn *pg)
{
    const struct session *s = (const struct session *)(const void *)pg;
    return !s->pending && s->transaction == PQTRANS_IDLE;
}

/* ---- dialling ---- */

void sim_session_drop(struct session *s)
{
    s->status = CONNECTION_BAD;
    if (s->fd >= 0)
        (void)close(s->fd);
    s->fd = -1;
}

/* A name is not libpq's to look up. */
static uint32_t find_host(const char *const *keywords, const char *const *values, bool *silent)
{
    for (uint32_t i = 0; keywords[i] != NULL; i++)
        if (strcmp(keywords[i], "hostaddr") == 0)
            return sim_lookup_server(values[i], silent);
    sim_fail("libpq is given no address");
}

static PGconn *start(const char *const *keywords, const char *const *values, int expand)
{
    (void)expand;
    sim_backends_bury();
    struct session *s = calloc(1, sizeof *s);
    SIM_CHECK(s != NULL && !sim_holds_lock(), "dials with a mutex held, or out of memory");
    bool silent = false;
    s->host = find_host(keywords, values, &silent);
    s->system = sim_server.systems[s->host];
    s->dial = (enum dial)sim_draw_weighted(sim_server.mood->dial, DIALS);
    s->status = CONNECTION_STARTED;
    s->wants = PGRES_POLLING_WRITING;
    s->fd = sim_socket_open(&s->socket);
    s->socket->writable_at_ns = silent ? CLOCK_NEVER : sim_in_us(50, 2000);
    sim_backend_born(s);
    sim_server.open++;
    if (s->dial == DIAL_REFUSED && !silent) {
        sim_session_drop(s);
        s->message = "connection to server failed: Connection refused";
    }
    return (PGconn *)(void *)s;
}

static int64_t dial_moment(enum dial dial)
{
    switch (dial) {
    case DIAL_NEVER:
        return CLOCK_NEVER;
    case DIAL_LONG:
        return sim_in_us(20000, 1500000);
    case DIAL_LOST:
    case DIAL_FULL:
    case DIAL_DENIED:
        return sim_in_us(100, 100000);
    case DIAL_QUICK:
    case DIAL_REFUSED:
        break;
    }
    return sim_in_us(100, 5000);
}

static PostgresPollingStatusType end_dial(struct session *s)
{
    static const char *const messages[DIALS] = {
        [DIAL_LOST] = "server closed the connection unexpectedly",
        [DIAL_FULL] = "FATAL:  53300: sorry, too many clients already",
        [DIAL_DENIED] = "FATAL:  28P01: password authentication failed",
    };
    s->socket->readable_at_ns = CLOCK_NEVER;
    s->message = messages[s->dial];
    if (s->message != NULL) {
        sim_session_drop(s);
        return PGRES_POLLING_FAILED;
    }
    s->status = CONNECTION_OK;
    if (sim_draw(100) < sim_server.mood->hang_up)
        s->socket->hang_up_at_ns = sim_in_us(0, 3000000);
    return PGRES_POLLING_OK;
}

static PostgresPollingStatusType connect_poll(PGconn *pg)
{
    struct session *s = sim_session_of(pg);
    if (s->wants == PGRES_POLLING_WRITING && sim_now_ns() >= s->socket->writable_at_ns) {
        s->wants = PGRES_POLLING_READING;
        s->socket->readable_at_ns = dial_moment(s->dial);
    } else if (s->wants == PGRES_POLLING_READING && sim_now_ns() >= s->socket->readable_at_ns) {
        s->wants = end_dial(s);
    }
    return s->wants;
}

/* The backend reads of it only when its statement is over. */
static void finish(PGconn *pg)
{
    struct session *s = sim_session_of(pg);
    sim_session_drop(s);
    s->gone = true;
    sim_server.open--;
    sim_backends_bury();
}

/* ---- the rest ---- */

static int socket_of(const PGconn *pg)
{
    return sim_session_of(pg)->fd;
}

static ConnStatusType status(const PGconn *pg)
{
    return sim_session_of(pg)->status;
}

static char *error_message(const PGconn *pg)
{
    static char text[128]; /* libpq gives a char * */
    const char *message = sim_session_of(pg)->message;
    (void)snprintf(text, sizeof text, "%s", message != NULL ? message : "");
    return text;
}

static PGTransactionStatusType transaction_status(const PGconn *pg)
{
    const struct session *s = sim_session_of(pg);
    if (s->status != CONNECTION_OK)
        return PQTRANS_UNKNOWN;
    return s->pending ? PQTRANS_ACTIVE : s->transaction;
}

static PGpipelineStatus pipeline_status(const PGconn *pg)
{
    (void)sim_session_of(pg);
    return PQ_PIPELINE_OFF;
}

static int backend_pid(const PGconn *pg)
{
    return sim_session_of(pg)->pid;
}

static PGVerbosity set_error_verbosity(PGconn *pg, PGVerbosity verbosity)
{
    (void)sim_session_of(pg), (void)verbosity;
    return PQERRORS_DEFAULT;
}

static PQnoticeReceiver set_notice_receiver(PGconn *pg, PQnoticeReceiver receiver, void *arg)
{
    (void)sim_session_of(pg), (void)receiver, (void)arg;
    return NULL;
}

static int set_nonblocking(PGconn *pg, int nonblocking)
{
    (void)sim_session_of(pg), (void)nonblocking;
    return 0;
}

/* clang-format off */
#define OF_LIBPQ_15                                                                                \
    .connect_start = start, .connect_poll = connect_poll, .socket = socket_of, .status = status,   \
    .error_message = error_message, .transaction_status = transaction_status,                      \
    .pipeline_status = pipeline_status, .backend_pid = backend_pid, .send_query = sim_send_query,  \
    .send_prepare = sim_send_prepare, .send_query_params = sim_send_query_params,                  \
    .send_query_prepared = sim_send_query_prepared, .flush = sim_flush,                            \
    .consume_input = sim_consume_input, .is_busy = sim_is_busy, .get_result = sim_get_result,      \
    .set_error_verbosity = set_error_verbosity, .set_notice_receiver = set_notice_receiver,        \
    .set_nonblocking = set_nonblocking, .finish = finish, .lookup_start = sim_lookup_start,        \
    .lookup_fd = sim_lookup_fd, .lookup_poll = sim_lookup_poll, .lookup_finish = sim_lookup_finish
/* clang-format on */

const struct pg_driver sim_pg = { OF_LIBPQ_15 };

const struct pg_driver sim_pg_17 = {
    OF_LIBPQ_15,
    .cancel_create = sim_cancel_create,
    .cancel_start = sim_cancel_start,
    .cancel_poll = sim_cancel_poll,
    .cancel_socket = sim_cancel_socket,
    .cancel_finish = sim_cancel_finish,
};

/* sim_pg_backend.c - who is who at the server, and cancels: by SQL, and by libpq 17's own way.
 *
 * A cancel strikes at a moment between its being asked for and its answer; of one whose answer does
 * not come nobody knows when, or whether it does. It strikes whatever its backend runs then. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "simulation/sim_pg_impl.h"

enum { BACKENDS_MAX = 64, PID_TEXT = 12, POOLER_PIDS = 10000 };

/* ---- backends ---- */

static bool pid_is_taken(int pid)
{
    for (const struct session *s = sim_server.sessions; s != NULL; s = s->next)
        if (s->pid == pid)
            return true;
    return false;
}

void sim_backend_born(struct session *s)
{
    int pid = 1;
    while (pid_is_taken(pid))
        pid++;
    s->pid = pid;
    (void)snprintf(s->start, sizeof s->start, "%u.5", ++sim_server.starts);
    s->next = sim_server.sessions;
    if (s->next != NULL)
        s->next->prev = s;
    sim_server.sessions = s;
}

void sim_backend_free(struct session *s)
{
    *(s->prev != NULL ? &s->prev->next : &sim_server.sessions) = s->next;
    if (s->next != NULL)
        s->next->prev = s->prev;
    sim_socket_leave(s->socket);
    PQclear(s->rows);
    free(s);
}

static bool is_over(const struct session *s, int64_t at_ns)
{
    return s->gone ? s->ends_at_ns <= at_ns : s->socket->hang_up_at_ns <= at_ns;
}

void sim_backends_bury(void)
{
    struct session *next;
    for (struct session *s = sim_server.sessions; s != NULL; s = next) {
        next = s->next;
        if (s->gone && is_over(s, sim_now_ns()))
            sim_backend_free(s);
    }
}

/* ---- striking ---- */

static struct session *find_backend(int pid, const char *start)
{
    for (struct session *s = sim_server.sessions; s != NULL; s = s->next)
        if (s->pid == pid && strcmp(s->start, start) == 0)
            return s;
    return NULL;
}

/* If it does not run any more at that moment, nothing happens; what is sent before it is struck. */
static void strike(struct session *s, int64_t at_ns)
{
    sim_note("backend", (unsigned)s->pid, "is to be cancelled");
    if (s->struck_at_ns < at_ns)
        s->struck_at_ns = at_ns;
    if (s->how == ANSWER_DEAF || s->how == ANSWER_UNREAD || s->ends_at_ns <= at_ns)
        return;
    s->how = ANSWER_57014;
    s->ends_at_ns = at_ns;
    if (!s->gone && s->pending && !s->answered)
        s->socket->readable_at_ns = at_ns;
}

/* ---- by SQL ---- */

static void identify(struct session *s)
{
    char pid[PID_TEXT], timeline[] = "00000000", system[24], started[START_SIZE];
    (void)snprintf(pid, sizeof pid, "%d", s->pid + (sim_server.pooler ? POOLER_PIDS : 0));
    (void)snprintf(timeline, sizeof timeline, "%08X", 1 + sim_server.timelines[s->host]);
    (void)snprintf(system, sizeof system, "7%018u", s->system);
    (void)snprintf(started, sizeof started, "%u.25", s->host);
    const char *const cells[] = { pid, s->start, system, timeline, "5", started };
    s->rows = sim_make_rows(6, 1, cells);
}

/* Whatever the backend does, it ends; nobody may be connected to it any more. */
static void terminate(struct session *s, int64_t at_ns)
{
    SIM_CHECK(s->gone, "backend %d is terminated, and its session is in use", s->pid);
    sim_note("backend", (unsigned)s->pid, "is to be terminated");
    s->ends_at_ns = clock_min(s->ends_at_ns, at_ns);
}

/* When the cancels strike that a statement asks for; CLOCK_NEVER: not at all. */
static int64_t strike_moment(const struct session *s)
{
    if (s->how == ANSWER_QUICK || s->how == ANSWER_LONG || s->how == ANSWER_DEAF)
        return sim_draw_ns(sim_now_ns(), s->ends_at_ns);
    return sim_chance(2) ? sim_in_us(0, 500000) : CLOCK_NEVER;
}

/* "... (VALUES (1,'2.5',0),(3,'4.5',1)) AS ...": a row for each that lives at that moment; 1 for
 * one that is to be terminated. */
static void cancel_listed(struct session *s, const char *list)
{
    char pids[BACKENDS_MAX][PID_TEXT], start[START_SIZE];
    const char *cells[2 * BACKENDS_MAX];
    int64_t at_ns = strike_moment(s);
    int n = 0, pid, orphan;
    for (; sscanf(list, "(%d,'%23[0-9.]',%d)", &pid, start, &orphan) == 3;
         list = strchr(list, ')') + 2) {
        struct session *target = find_backend(pid, start);
        if (target == NULL || at_ns == CLOCK_NEVER || is_over(target, at_ns))
            continue;
        (void)snprintf(pids[n], sizeof pids[n], "%d", pid);
        cells[2 * n] = pids[n];
        cells[2 * n + 1] = "t";
        n++;
        (orphan != 0 ? terminate : strike)(target, at_ns);
    }
    s->rows = sim_make_rows(2, n, cells);
}

void sim_backend_asked(struct session *s, const char *sql)
{
    static const char values[] = "(VALUES ";
    const char *list = strstr(sql, values);
    PQclear(s->rows);
    s->rows = NULL;
    if (strstr(sql, "pg_cancel_backend") != NULL && list != NULL)
        cancel_listed(s, list + sizeof values - 1);
    else if (strstr(sql, "pg_backend_pid") != NULL)
        identify(s);
}

/* ---- by libpq 17: a dial, at whose end the server hangs up, having sent the signal ---- */

struct pg_cancel_conn {
    struct sim_socket *socket;
    int fd;
    int pid;
    char start[START_SIZE];
    PostgresPollingStatusType wants;
    bool good;
};

struct pg_cancel_conn *sim_cancel_create(PGconn *pg)
{
    const struct session *s = sim_session_of(pg);
    struct pg_cancel_conn *cancel = calloc(1, sizeof *cancel);
    SIM_CHECK(cancel != NULL, "out of memory");
    cancel->fd = -1;
    cancel->pid = s->pid;
    memcpy(cancel->start, s->start, sizeof cancel->start);
    sim_server.cancels_open++;
    return cancel;
}

int sim_cancel_start(struct pg_cancel_conn *cancel)
{
    uint32_t dial = sim_draw_weighted(sim_server.mood->dial, DIALS);
    if (dial == DIAL_REFUSED)
        return 0;
    cancel->fd = sim_socket_open(&cancel->socket);
    cancel->wants = PGRES_POLLING_WRITING;
    cancel->good = dial == DIAL_QUICK || dial == DIAL_LONG;
    cancel->socket->writable_at_ns = dial == DIAL_NEVER ? CLOCK_NEVER : sim_in_us(50, 2000);
    return 1;
}

static void cancel_sent(struct pg_cancel_conn *cancel)
{
    struct session *target = find_backend(cancel->pid, cancel->start);
    cancel->wants = PGRES_POLLING_READING;
    cancel->socket->readable_at_ns = sim_in_us(50, 50000);
    if (target == NULL)
        return;
    if (cancel->good)
        strike(target, sim_draw_ns(sim_now_ns(), cancel->socket->readable_at_ns));
    else if (sim_chance(2))
        strike(target, sim_in_us(0, 500000));
}

PostgresPollingStatusType sim_cancel_poll(struct pg_cancel_conn *cancel)
{
    SIM_CHECK(!sim_holds_lock(), "cancels with a mutex held");
    if (cancel->wants == PGRES_POLLING_WRITING && sim_now_ns() >= cancel->socket->writable_at_ns)
        cancel_sent(cancel);
    else if (cancel->wants == PGRES_POLLING_READING &&
             sim_now_ns() >= cancel->socket->readable_at_ns)
        cancel->wants = cancel->good ? PGRES_POLLING_OK : PGRES_POLLING_FAILED;
    return cancel->wants;
}

int sim_cancel_socket(const struct pg_cancel_conn *cancel)
{
    return cancel->fd;
}

void sim_cancel_finish(struct pg_cancel_conn *cancel)
{
    SIM_CHECK(!sim_holds_lock(), "finishes a cancel with a mutex held");
    if (cancel->fd >= 0) {
        (void)close(cancel->fd);
        sim_socket_leave(cancel->socket);
    }
    sim_server.cancels_open--;
    free(cancel);
}

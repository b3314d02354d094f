/* fake_pg_script.c - the script of the fake server, which a test sets, and the server's
 * backends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "support/fake_pg_impl.h"

struct fake_server fake_server = { .mu = { PTHREAD_MUTEX_INITIALIZER } };

static const char refused[] = "connection to server failed: Connection refused\n";

int fake_next(struct fake_script *script)
{
    if (script->times == 0)
        return 0;
    if (script->times != FAKE_ALWAYS)
        script->times--;
    return script->how;
}

void fake_say(const struct fake_conn *conn)
{
    if (conn->server_fd >= 0)
        (void)!send(conn->server_fd, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void fake_hang_up(struct fake_conn *conn)
{
    if (conn->server_fd >= 0)
        (void)close(conn->server_fd);
    conn->server_fd = -1;
}

/* ---- the script ---- */

static struct fake_conn *conn_of(PGconn *pg)
{
    return (struct fake_conn *)(void *)pg;
}

void fake_pg_dials(enum fake_dial how, const char *message, uint32_t times)
{
    mutex_lock(&fake_server.mu);
    fake_server.dials =
        (struct fake_script){ (int)how, times, message != NULL ? message : refused };
    for (struct fake_conn *conn = fake_server.conns; conn != NULL; conn = conn->next)
        if (conn->dialling)
            fake_say(conn);
    mutex_unlock(&fake_server.mu);
}

void fake_pg_answers(enum fake_answer how, uint32_t times)
{
    mutex_lock(&fake_server.mu);
    fake_server.answers = (struct fake_script){ (int)how, times, NULL };
    mutex_unlock(&fake_server.mu);
}

void fake_pg_cancels(enum fake_answer how, uint32_t times)
{
    mutex_lock(&fake_server.mu);
    fake_server.cancels = (struct fake_script){ (int)how, times, NULL };
    mutex_unlock(&fake_server.mu);
}

void fake_pg_hang_up_all(void)
{
    mutex_lock(&fake_server.mu);
    for (struct fake_conn *conn = fake_server.conns; conn != NULL; conn = conn->next)
        if (!conn->dialling)
            fake_hang_up(conn);
    mutex_unlock(&fake_server.mu);
}

void fake_pg_begin(PGconn *pg)
{
    conn_of(pg)->in_transaction = PQTRANS_INTRANS;
}

void fake_pg_busy(PGconn *pg)
{
    conn_of(pg)->pending = conn_of(pg)->hung = true;
}

void fake_pg_break_off(PGconn *pg)
{
    conn_of(pg)->status = CONNECTION_BAD;
}

void fake_pg_counts(struct fake_pg_counts *out)
{
    mutex_lock(&fake_server.mu);
    *out = fake_server.counts;
    mutex_unlock(&fake_server.mu);
}

void fake_pg_timeline(uint32_t timeline)
{
    mutex_lock(&fake_server.mu);
    fake_server.promotions = timeline - 1;
    mutex_unlock(&fake_server.mu);
}

void fake_pg_another_system(void)
{
    mutex_lock(&fake_server.mu);
    fake_server.system++;
    fake_server.promotions = 0;
    mutex_unlock(&fake_server.mu);
}

void fake_pg_database(unsigned system, unsigned turns, unsigned oid)
{
    mutex_lock(&fake_server.mu);
    fake_server.system = system;
    fake_server.turns = turns;
    fake_server.oid = oid;
    fake_server.promotions = 0;
    mutex_unlock(&fake_server.mu);
}

void fake_pg_shape(enum fake_shape shape)
{
    mutex_lock(&fake_server.mu);
    fake_server.shape = shape;
    mutex_unlock(&fake_server.mu);
}

/* ---- addresses ---- */

struct fake_address *fake_find_address(const char *text)
{
    for (uint32_t i = 0; i < fake_server.n_addresses; i++)
        if (strcmp(fake_server.addresses[i].text, text) == 0)
            return &fake_server.addresses[i];
    return NULL;
}

void fake_pg_address(const char *address, bool answers, const char *started)
{
    mutex_lock(&fake_server.mu);
    struct fake_address *known = fake_find_address(address);
    if (known == NULL) {
        CHECK(fake_server.n_addresses < FAKE_ADDRESSES_MAX);
        known = &fake_server.addresses[fake_server.n_addresses++];
    }
    known->answers = answers;
    (void)snprintf(known->text, sizeof known->text, "%s", address);
    (void)snprintf(known->started, sizeof known->started, "%s", started);
    mutex_unlock(&fake_server.mu);
}

void fake_pg_last_address(char out[ADDRESS_SIZE])
{
    mutex_lock(&fake_server.mu);
    (void)snprintf(out, ADDRESS_SIZE, "%s", fake_server.last_address);
    mutex_unlock(&fake_server.mu);
}

/* ---- backends ---- */

void fake_leave_orphan(const struct fake_conn *conn)
{
    if (!conn->hung || conn->server_fd < 0)
        return;
    CHECK(fake_server.n_orphans < FAKE_ORPHANS_MAX);
    fake_server.orphans[fake_server.n_orphans++] = conn->pid;
}

void fake_pg_end_orphans(void)
{
    mutex_lock(&fake_server.mu);
    fake_server.n_orphans = 0;
    mutex_unlock(&fake_server.mu);
}

static bool is_orphan(int pid)
{
    for (uint32_t i = 0; i < fake_server.n_orphans; i++)
        if (fake_server.orphans[i] == pid)
            return true;
    return false;
}

static void set_value(PGresult *rows, int row, int column, const char *value)
{
    char text[40];
    int len = snprintf(text, sizeof text, "%s", value);
    CHECK(PQsetvalue(rows, row, column, text, len) == 1);
}

/* Makes rows with a pid and further columns. */
static PGresult *make_rows(int n_columns)
{
    static char name[] = "column";
    PGresAttDesc columns[] = {
        { .name = name }, { .name = name }, { .name = name },
        { .name = name }, { .name = name }, { .name = name },
    };
    PGresult *rows = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    CHECK(rows != NULL && PQsetResultAttrs(rows, n_columns, columns) == 1);
    return rows;
}

static int add_row(PGresult *rows, int pid, const char *value)
{
    char text[16];
    int row = PQntuples(rows);
    (void)snprintf(text, sizeof text, "%d", pid);
    set_value(rows, row, 0, text);
    set_value(rows, row, 1, value);
    return row;
}

/* Returns the rows in the shape that the script asks for. Takes the ownership of `good`. */
static PGresult *in_shape(PGresult *good)
{
    enum fake_shape shape = fake_server.shape;
    if (shape == FAKE_SHAPE_GOOD)
        return good;
    int columns = PQnfields(good) - (shape == FAKE_SHAPE_FEWER_COLUMNS);
    int times = shape == FAKE_SHAPE_NO_ROWS ? 0 : shape == FAKE_SHAPE_TWICE ? 2 : 1;
    PGresult *rows = make_rows(columns);
    for (int i = 0; i < PQntuples(good) * times; i++)
        for (int k = 0; k < columns; k++)
            if (shape == FAKE_SHAPE_NULLS)
                CHECK(PQsetvalue(rows, i, k, NULL, -1) == 1);
            else
                set_value(rows, i, k,
                          shape == FAKE_SHAPE_GARBAGE ? "-99999999999999999999'"
                                                      : PQgetvalue(good, i / times, k));
    PQclear(good);
    return rows;
}

/* Returns NULL if the server does not answer. */
static PGresult *identify(const struct fake_conn *conn, const char *sql)
{
    char timeline[9] = "0", system[24] = "";
    bool in_full = strstr(sql, "pg_control_system()") != NULL;
    if (in_full && fake_server.promotions == UINT32_MAX)
        return NULL;
    if (in_full) {
        (void)snprintf(timeline, sizeof timeline, "%08X", fake_server.promotions + 1);
        unsigned turn = fake_server.turns > 1 ? (unsigned)conn->pid % fake_server.turns : 0;
        (void)snprintf(system, sizeof system, "7%018u", fake_server.system + turn);
    }
    const struct fake_address *at = fake_find_address(conn->address);
    PGresult *rows = make_rows(6);
    int row = add_row(rows, conn->pid, "1.5");
    set_value(rows, row, 2, system);
    set_value(rows, row, 3, timeline);
    char oid[16];
    (void)snprintf(oid, sizeof oid, "%u", 5 + fake_server.oid);
    set_value(rows, row, 4, oid);
    set_value(rows, row, 5, !in_full ? "" : at != NULL ? at->started : "1000.5");
    return in_shape(rows);
}

static struct fake_conn *find_backend(int pid)
{
    struct fake_conn *conn = fake_server.conns;
    while (conn != NULL && conn->pid != pid)
        conn = conn->next;
    return conn;
}

/* Ends the connection's statement with an error, if one is running. */
static void cancel(struct fake_conn *conn)
{
    if (!conn->hung)
        return;
    conn->hung = false;
    conn->refused = true;
    fake_say(conn);
}

static PGresult *cancel_all(const char *sql, bool heeded)
{
    PGresult *rows = make_rows(2);
    for (const char *at = strstr(sql, "VALUES "); (at = strchr(at, '(')) != NULL; at++) {
        int pid = (int)strtol(at + 1, NULL, 10);
        struct fake_conn *conn = find_backend(pid);
        if (conn == NULL && !is_orphan(pid))
            continue;
        (void)add_row(rows, pid, "t");
        fake_server.counts.cancels++;
        if (conn != NULL && heeded)
            cancel(conn);
    }
    return in_shape(rows);
}

bool fake_answers_about_backends(struct fake_conn *conn, const char *sql)
{
    PGresult *rows = NULL;
    if (strstr(sql, "pg_backend_pid()") != NULL) {
        rows = identify(conn, sql);
    } else if (strstr(sql, "pg_cancel_backend") != NULL) {
        enum fake_answer how = (enum fake_answer)fake_next(&fake_server.cancels);
        if (how == FAKE_ANSWER_HANG)
            return true;
        rows = cancel_all(sql, how == FAKE_ANSWER_OK);
    } else {
        return false;
    }
    conn->rows = rows;
    conn->refused = rows == NULL;
    fake_say(conn);
    return true;
}

/* ---- cancels over a connection of their own ---- */

struct pg_cancel_conn {
    int client_fd, server_fd;
    int pid;
};

static struct pg_cancel_conn *fake_cancel_create(PGconn *pg)
{
    int fds[2];
    struct pg_cancel_conn *request = calloc(1, sizeof *request);
    CHECK(request != NULL);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    *request = (struct pg_cancel_conn){ fds[0], fds[1], conn_of(pg)->pid };
    mutex_lock(&fake_server.mu);
    fake_server.counts.cancelers++;
    mutex_unlock(&fake_server.mu);
    return request;
}

/* The server handles the cancel request and closes its connection. */
static int fake_cancel_start(struct pg_cancel_conn *request)
{
    mutex_lock(&fake_server.mu);
    enum fake_answer how = (enum fake_answer)fake_next(&fake_server.cancels);
    struct fake_conn *conn = find_backend(request->pid);
    fake_server.counts.cancels++;
    if (how == FAKE_ANSWER_OK && conn != NULL)
        cancel(conn);
    mutex_unlock(&fake_server.mu);
    if (how != FAKE_ANSWER_HANG) {
        (void)close(request->server_fd);
        request->server_fd = -1;
    }
    return 1;
}

static PostgresPollingStatusType fake_cancel_poll(struct pg_cancel_conn *request)
{
    char byte;
    bool over = recv(request->client_fd, &byte, 1, MSG_DONTWAIT) == 0;
    return over ? PGRES_POLLING_OK : PGRES_POLLING_READING;
}

static int fake_cancel_socket(const struct pg_cancel_conn *request)
{
    return request->client_fd;
}

static void fake_cancel_finish(struct pg_cancel_conn *request)
{
    (void)close(request->client_fd);
    if (request->server_fd >= 0)
        (void)close(request->server_fd);
    free(request);
    mutex_lock(&fake_server.mu);
    fake_server.counts.cancelers--;
    mutex_unlock(&fake_server.mu);
}

struct pg_driver fake_pg_17(void)
{
    struct pg_driver driver = fake_pg;
    driver.cancel_create = fake_cancel_create;
    driver.cancel_start = fake_cancel_start;
    driver.cancel_poll = fake_cancel_poll;
    driver.cancel_socket = fake_cancel_socket;
    driver.cancel_finish = fake_cancel_finish;
    return driver;
}

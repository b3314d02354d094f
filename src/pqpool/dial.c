/* dial.c - one dial, a step at a time and without blocking: the hosts of the string in turn, the
 * last good one first, each with its share of the time that is left. Connector thread only.
 *
 * A name is looked up inside PQconnectPoll() and may block there; that costs the connector, never a
 * caller. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "pqpool/pool.h"

/* libpq 15 gives no SQLSTATE for a refused connection, but its verbose message carries one:
 * "...: FATAL:  28P01: password authentication failed". */
static void find_sqlstate(const char *message, char code[6])
{
    code[0] = '\0';
    for (const char *at = strstr(message, ":  "); at != NULL; at = strstr(at + 1, ":  ")) {
        const char *c = at + 3;
        if (strspn(c, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5 && c[5] == ':') {
            memcpy(code, c, 5);
            code[5] = '\0';
            return;
        }
    }
}

static void explain(const struct conn *conn, struct err *err, enum error_class *error_class)
{
    const char *message =
        conn->pg != NULL ? conn->pool->pg->error_message(conn->pg) : "out of memory";
    char code[6], text[sizeof err->text];
    (void)snprintf(text, sizeof text, "%s", message);
    char *location = strstr(text, "\nLOCATION:"); /* verbosity's price */
    if (location != NULL)
        *location = '\0';
    find_sqlstate(message, code);
    err_set_code(err, ERR_RETRYABLE, code, "%s", text);
    if (strncmp(code, "28", 2) == 0 || strcmp(code, "3D000") == 0)
        *error_class = ERROR_CONFIG;
    else if (code[0] != '\0')
        *error_class = ERROR_SERVER;
    else
        *error_class = strstr(message, "refused") != NULL ? ERROR_REFUSED : ERROR_OTHER;
}

static void hang_up(struct conn *conn)
{
    if (conn->pg != NULL)
        conn->pool->pg->finish(conn->pg);
    conn->pg = NULL;
    conn->fd = -1;
}

/* False: this host cannot even be begun with. */
static bool begin_host(struct conn *conn, int64_t now_ns, struct err *err,
                       enum error_class *error_class)
{
    struct pqpool *pool = conn->pool;
    struct conn_dial *dial = &conn->dial;
    unsigned left = dsn_hosts(pool->dsn) - dial->hosts_tried;
    struct dsn_params params;

    dial->host_deadline_at_ns = now_ns + (dial->deadline_at_ns - now_ns) / (int64_t)left;
    dial->want = PGRES_POLLING_WRITING;
    *error_class = ERROR_CONFIG;
    if (!dsn_params(pool->dsn, dial->host, &params, err))
        return false;
    conn->pg = pool->pg->connect_start(params.keywords, params.values, 0);
    if (conn->pg != NULL && pool->pg->status(conn->pg) != CONNECTION_BAD) {
        (void)pool->pg->set_error_verbosity(conn->pg, PQERRORS_VERBOSE);
        conn_watch_notices(conn);
        conn->fd = pool->pg->socket(conn->pg);
        return true;
    }
    explain(conn, err, error_class);
    hang_up(conn);
    return false;
}

enum dial_rc dial_next_host(struct conn *conn, int64_t now_ns, struct err *err,
                            enum error_class *error_class)
{
    struct conn_dial *dial = &conn->dial;
    unsigned hosts = dsn_hosts(conn->pool->dsn);
    while (++dial->hosts_tried < hosts) {
        dial->host = (dial->host + 1) % hosts;
        if (begin_host(conn, now_ns, err, error_class))
            return DIAL_PENDING;
    }
    return DIAL_FAILED;
}

enum dial_rc dial_start(struct conn *conn, int64_t now_ns, struct err *err,
                        enum error_class *error_class)
{
    struct pqpool *pool = conn->pool;
    conn->dial = (struct conn_dial){
        .started_at_ns = now_ns,
        .deadline_at_ns = clock_after(now_ns, pool->options.connect_timeout_ns),
        .host = pool->host,
    };
    conn->pg = NULL;
    conn->fd = -1;
    conn->doomed = conn->warned = false;
    conn->user_bits = 0;
    atomic_store_explicit(&conn->peer_gone, false, memory_order_relaxed);
    if (begin_host(conn, now_ns, err, error_class))
        return DIAL_PENDING;
    return dial_next_host(conn, now_ns, err, error_class);
}

static enum dial_rc connected(struct conn *conn, struct err *err, enum error_class *error_class)
{
    struct pqpool *pool = conn->pool;
    (void)pool->pg->set_error_verbosity(conn->pg, PQERRORS_TERSE); /* no row in any text */
    if (pool->pg->set_nonblocking(conn->pg, 1) != 0) {
        explain(conn, err, error_class);
        hang_up(conn);
        return DIAL_FAILED;
    }
    conn->own_fd = fcntl(conn->fd, F_DUPFD_CLOEXEC, 0);
    if (conn->own_fd < 0) {
        err_set(err, ERR_RETRYABLE, "no file descriptor is left to watch the connection with");
        hang_up(conn);
        return DIAL_FAILED;
    }
    return DIAL_OK;
}

struct pollfd dial_awaits(const struct conn *conn)
{
    bool reads = conn->dial.want == PGRES_POLLING_READING;
    return (struct pollfd){ .fd = conn->fd, .events = reads ? POLLIN : POLLOUT };
}

/* Since the connector last looked it may have been long with another. */
static bool is_ready_now(const struct conn *conn)
{
    struct pollfd socket = dial_awaits(conn);
    return poll(&socket, 1, 0) > 0;
}

enum dial_rc dial_step(struct conn *conn, bool ready, int64_t now_ns, struct err *err,
                       enum error_class *error_class)
{
    struct pqpool *pool = conn->pool;
    bool late = now_ns >= conn->dial.host_deadline_at_ns;
    if (ready || (late && is_ready_now(conn))) {
        conn->dial.want = pool->pg->connect_poll(conn->pg);
        conn->fd = pool->pg->socket(conn->pg); /* another address, another socket */
        if (conn->dial.want == PGRES_POLLING_OK)
            return connected(conn, err, error_class);
    }
    if (conn->dial.want == PGRES_POLLING_FAILED) {
        explain(conn, err, error_class);
    } else if (!late) {
        return DIAL_PENDING;
    } else {
        err_set(err, ERR_RETRYABLE, "timeout: the server did not finish the connection in time");
        *error_class = ERROR_TIMEOUT;
    }
    hang_up(conn);
    return dial_next_host(conn, now_ns, err, error_class);
}

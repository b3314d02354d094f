/* dial.c - makes one dial, a step at a time and without blocking. It tries the hosts of the string
 * in turn, and the addresses of each host in turn. The host and the address that answered most
 * recently are tried first. Called by the connector's thread only.
 *
 * A host gets its share of the time that is left for the dial. Each address gets its share of the
 * time that its host has left after the lookup. libpq is given one address at a time, as
 * `hostaddr`. With the name alone, libpq would look it up on this thread, begin each dial at the
 * first address, and wait for that address for ever. libpq is given the name too, as `host`,
 * because it checks the server's certificate against the name. */
#include <fcntl.h>
#include <string.h>

#include "base/clock.h"
#include "pqpool/dial.h"
#include "pqpool/dial_errors.h"
#include "pqpool/exec.h"

static void hang_up(struct conn *conn)
{
    if (conn->pg != NULL)
        conn->pool->pg->finish(conn->pg);
    conn->pg = NULL;
    conn->fd = -1;
}

const char *dial_address(const struct conn *conn)
{
    const struct name *name = conn->dial.name;
    bool known = name != NULL && name->state == LOOKUP_FOUND;
    return known ? name->addresses.list[conn->dial.address] : "";
}

bool dial_has_address(const struct conn *conn, const char *address)
{
    const struct name *name = conn->dial.name;
    if (name == NULL || name->state != LOOKUP_FOUND)
        return false;
    for (unsigned i = 0; i < name->addresses.n; i++)
        if (strcmp(name->addresses.list[i], address) == 0)
            return true;
    return false;
}

/* ---- one host, one address ---- */

void dial_end(struct conn *conn)
{
    names_leave(conn->pool->connector.names, &conn->dial.name);
}

static bool begin_lookup(struct conn *conn, int64_t now_ns, struct err *err,
                         enum error_class *error_class)
{
    struct pqpool *pool = conn->pool;
    struct conn_dial *dial = &conn->dial;
    *error_class = ERROR_OTHER;
    dial->name = names_enter(pool->connector.names, dial->host, dsn_host(pool->dsn, dial->host),
                             now_ns, err);
    if (dial->name == NULL)
        return false;
    dial->step_deadline_at_ns = dial->host_deadline_at_ns;
    dial->want = PGRES_POLLING_READING;
    conn->fd = pool->pg->lookup_fd(dial->name->lookup);
    return true;
}

/* Sets up the new conn->pg, and resets what the dial of an earlier address may have set. */
static void begin_session(struct conn *conn)
{
    conn->session = SESSION_SOUND;
    conn->warned = false;
    conn->user_bits = 0;
    atomic_store_explicit(&conn->peer_gone, false, memory_order_relaxed);
    (void)conn->pool->pg->set_error_verbosity(conn->pg, PQERRORS_VERBOSE);
    conn_watch_notices(conn);
    conn->fd = conn->pool->pg->socket(conn->pg);
}

/* Begins to dial the address of index dial->address. Returns false if that fails; *err says why. */
static bool begin_address(struct conn *conn, int64_t now_ns, struct err *err,
                          enum error_class *error_class)
{
    struct pqpool *pool = conn->pool;
    struct conn_dial *dial = &conn->dial;
    unsigned left = dial->name != NULL ? dial->name->addresses.n - dial->address : 1;
    struct dsn_params params;

    dial->step_deadline_at_ns = now_ns + (dial->host_deadline_at_ns - now_ns) / (int64_t)left;
    dial->want = PGRES_POLLING_WRITING;
    *error_class = ERROR_CONFIG;
    if (!dsn_params(pool->dsn, dial->host, dial_address(conn), &params, err))
        return false;
    conn->pg = pool->pg->connect_start(params.keywords, params.values, 0);
    if (conn->pg != NULL && pool->pg->status(conn->pg) != CONNECTION_BAD) {
        begin_session(conn);
        return true;
    }
    dial_explain(conn, err, error_class);
    hang_up(conn);
    return false;
}

static bool begin_host(struct conn *conn, int64_t now_ns, struct err *err,
                       enum error_class *error_class)
{
    const struct dsn *dsn = conn->pool->dsn;
    struct conn_dial *dial = &conn->dial;
    unsigned left = dsn_hosts(dsn) - dial->hosts_tried;
    dial->host_deadline_at_ns = now_ns + (dial->deadline_at_ns - now_ns) / (int64_t)left;
    dial->address = 0;
    return dsn_host_is_name(dsn, dial->host) ? begin_lookup(conn, now_ns, err, error_class)
                                             : begin_address(conn, now_ns, err, error_class);
}

/* ---- one after the other ---- */

/* Moves on to the next address of the host. Returns false if no address or no time is left. */
static bool has_next_address(struct conn_dial *dial, int64_t now_ns)
{
    const struct name *name = dial->name;
    return now_ns < dial->host_deadline_at_ns && name != NULL && name->state == LOOKUP_FOUND &&
           ++dial->address < name->addresses.n;
}

static bool has_next_host(struct conn *conn, int64_t now_ns)
{
    struct conn_dial *dial = &conn->dial;
    unsigned hosts = dsn_hosts(conn->pool->dsn);
    dial_end(conn);
    dial->host = (dial->host + 1) % hosts;
    return ++dial->hosts_tried < hosts && now_ns < dial->deadline_at_ns;
}

enum dial_rc dial_next(struct conn *conn, int64_t now_ns, struct err *err,
                       enum error_class *error_class)
{
    struct conn_dial *dial = &conn->dial;
    bool begun = false;
    hang_up(conn);
    while (!begun) {
        dial_note_failure(dial, err, *error_class);
        if (has_next_address(dial, now_ns))
            begun = begin_address(conn, now_ns, err, error_class);
        else if (has_next_host(conn, now_ns))
            begun = begin_host(conn, now_ns, err, error_class);
        else
            return dial_give_up(dial, err, error_class);
    }
    return DIAL_PENDING;
}

enum dial_rc dial_start(struct conn *conn, int64_t now_ns, struct err *err,
                        enum error_class *error_class)
{
    struct pqpool *pool = conn->pool;
    conn->dial = (struct conn_dial){
        .started_at_ns = now_ns,
        .deadline_at_ns = clock_after(now_ns, pool->options.connect_timeout_ns),
        .host = pool->primary.host,
    };
    conn->pg = NULL;
    conn->fd = -1;
    if (begin_host(conn, now_ns, err, error_class))
        return DIAL_PENDING;
    return dial_next(conn, now_ns, err, error_class);
}

static enum dial_rc connected(struct conn *conn, struct err *err, enum error_class *error_class)
{
    struct pqpool *pool = conn->pool;
    /* From now on messages are terse: they leave out DETAIL, which may quote a row. */
    (void)pool->pg->set_error_verbosity(conn->pg, PQERRORS_TERSE);
    if (pool->pg->set_nonblocking(conn->pg, 1) != 0) {
        dial_explain(conn, err, error_class);
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

/* Polls the socket again, and returns true if it is ready. An answer may have come since the last
 * poll, while the connector was busy with another dial. */
static bool is_ready_now(const struct conn *conn)
{
    struct pollfd socket = dial_awaits(conn);
    return poll(&socket, 1, 0) > 0;
}

/* Makes a step of the lookup. DIAL_OK: the dial of the first address has begun. */
static enum dial_rc step_lookup(struct conn *conn, int64_t now_ns, struct err *err,
                                enum error_class *error_class)
{
    struct conn_dial *dial = &conn->dial;
    switch (names_step(conn->pool->connector.names, dial->host, dial->name)) {
    case LOOKUP_PENDING:
        return DIAL_PENDING;
    case LOOKUP_FAILED:
        *error_class = ERROR_OTHER;
        *err = dial->name->err;
        return DIAL_FAILED;
    case LOOKUP_FOUND:
        break;
    }
    return begin_address(conn, now_ns, err, error_class) ? DIAL_OK : DIAL_FAILED;
}

static enum dial_rc step_address(struct conn *conn, struct err *err, enum error_class *error_class)
{
    const struct pg_driver *pg = conn->pool->pg;
    conn->dial.want = pg->connect_poll(conn->pg);
    conn->fd = pg->socket(conn->pg);
    if (conn->dial.want == PGRES_POLLING_OK)
        return DIAL_OK;
    if (conn->dial.want != PGRES_POLLING_FAILED)
        return DIAL_PENDING;
    dial_explain(conn, err, error_class);
    return DIAL_FAILED;
}

enum dial_rc dial_step(struct conn *conn, bool ready, int64_t now_ns, struct err *err,
                       enum error_class *error_class)
{
    bool late = now_ns >= conn->dial.step_deadline_at_ns;
    bool looks_up = conn->pg == NULL;
    enum dial_rc rc = DIAL_PENDING;
    if (ready || (late && is_ready_now(conn)))
        rc = looks_up ? step_lookup(conn, now_ns, err, error_class)
                      : step_address(conn, err, error_class);
    if (rc == DIAL_OK)
        return looks_up ? DIAL_PENDING : connected(conn, err, error_class);
    if (rc == DIAL_PENDING && !late)
        return DIAL_PENDING;
    if (rc == DIAL_PENDING)
        dial_explain_timeout(conn, err, error_class);
    return dial_next(conn, now_ns, err, error_class);
}

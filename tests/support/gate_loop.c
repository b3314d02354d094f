/* gate_loop.c - the gate's thread: the listener in each mode, the commands, and one poll(2).
 *
 * The lock is held except in poll(2), and nothing that is done under it blocks, so that other
 * threads never see a command or the counts half done. */
#include "support/gate_loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "support/process.h"

enum { BACKLOG = 512, FILL_MS = 50, FILL_TRIES = 3 };

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){ .sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

int gate_listen(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    const struct sockaddr_in addr = loopback(port);
    int on = 1;
    CHECK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0);
    if (bind(fd, (const struct sockaddr *)&addr, sizeof addr) != 0 || listen(fd, BACKLOG) != 0)
        support_fail_os("gate: listen");
    return fd;
}

/* ---- connections ---- */

static void drop(struct gate *gate, int i, bool reset) REQUIRES(gate->mu)
{
    gate_conn_close(gate->conns[i], reset);
    gate->conns[i] = gate->conns[--gate->counts.open];
}

static void cut_all(struct gate *gate) REQUIRES(gate->mu)
{
    while (gate->counts.open > 0)
        drop(gate, gate->counts.open - 1, true);
}

static int port_of(int fd, int (*ask)(int, struct sockaddr *, socklen_t *))
{
    struct sockaddr_in addr = { 0 };
    socklen_t len = sizeof addr;
    return ask(fd, (struct sockaddr *)&addr, &len) == 0 ? ntohs(addr.sin_port) : -1;
}

static bool is_filler(const struct gate *gate, int client_fd) REQUIRES(gate->mu)
{
    int port = port_of(client_fd, getpeername);
    for (int i = 0; i < gate->n_fillers; i++)
        if (port_of(gate->fillers[i], getsockname) == port)
            return true;
    return false;
}

static void accept_all(struct gate *gate) REQUIRES(gate->mu)
{
    while (gate->counts.open < GATE_CONNS_MAX) {
        int fd = accept4(gate->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        if (is_filler(gate, fd)) {
            close(fd);
            continue;
        }
        gate->conns[gate->counts.open++] = gate_conn_open(fd, gate->server_port);
        gate->counts.accepted++;
    }
}

static void pump_all(struct gate *gate) REQUIRES(gate->mu)
{
    int64_t now_ns = clock_now_ns();
    for (int i = gate->counts.open - 1; i >= 0; i--) { /* drop() moves the last one to i */
        switch (gate_conn_pump(gate->conns[i], &gate->flow, now_ns)) {
        case GATE_CONN_LIVES:
            break;
        case GATE_CONN_ENDED:
            drop(gate, i, false);
            break;
        case GATE_CONN_BROKEN:
            drop(gate, i, true);
            break;
        case GATE_CONN_CUT:
            gate->flow.bytes_to_cut = -1;
            gate->counts.cuts++;
            cut_all(gate);
            return;
        case GATE_CONN_INJECTED:
            gate->counts.injected++;
            drop(gate, i, false);
            break;
        }
    }
}

/* ---- the listener in each mode ---- */

/* Dials the gate's own port, never to be accepted. Returns -1 if the dial gets no answer. */
static int dial_filler(int port)
{
    const struct sockaddr_in addr = loopback(port);
    struct pollfd dial = { .events = POLLOUT };
    dial.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    CHECK(dial.fd >= 0);
    (void)connect(dial.fd, (const struct sockaddr *)&addr, sizeof addr);
    if (poll(&dial, 1, FILL_MS) != 0)
        return dial.fd;
    close(dial.fd);
    return -1;
}

/* With a backlog of 0, whose only place is taken by an own dial that is never accepted, the kernel
 * drops each further SYN. There is no other black hole without a firewall. A busy kernel may be
 * late with one answer, but hardly with several in a row. */
static void fill_backlog(struct gate *gate) REQUIRES(gate->mu)
{
    CHECK(listen(gate->listener, 0) == 0);
    for (int unanswered = 0; unanswered < FILL_TRIES;) {
        int fd = dial_filler(gate->port);
        unanswered = fd < 0 ? unanswered + 1 : 0;
        if (fd < 0)
            continue;
        if (gate->n_fillers == GATE_FILLERS_MAX)
            support_fail("gate: %d dials do not fill a backlog of 0", GATE_FILLERS_MAX);
        gate->fillers[gate->n_fillers++] = fd;
    }
}

static void empty_backlog(struct gate *gate) REQUIRES(gate->mu)
{
    accept_all(gate);
    while (gate->n_fillers > 0)
        close(gate->fillers[--gate->n_fillers]);
    CHECK(listen(gate->listener, BACKLOG) == 0);
}

static void close_listener(struct gate *gate) REQUIRES(gate->mu)
{
    if (gate->listener >= 0)
        close(gate->listener);
    gate->listener = -1;
}

static void set_mode(struct gate *gate, enum gate_mode mode) REQUIRES(gate->mu)
{
    if (mode == gate->mode)
        return;
    if (gate->mode == GATE_REFUSE)
        gate->listener = gate_listen(gate->port);
    if (gate->mode == GATE_BLACK_HOLE)
        empty_backlog(gate);
    if (mode == GATE_REFUSE)
        close_listener(gate);
    if (mode == GATE_BLACK_HOLE)
        fill_backlog(gate);
    gate->mode = mode;
    gate->flow.stalled = mode == GATE_BLACK_HOLE || mode == GATE_SILENT;
    gate->flow.drip = mode == GATE_DRIP;
}

/* ---- the thread ---- */

/* Carries out the posted commands. Returns true if the thread must stop. */
static bool obey(struct gate *gate) REQUIRES(gate->mu)
{
    uint64_t wakes;
    if (read(gate->event_fd, &wakes, sizeof wakes) < 0 && errno != EAGAIN)
        support_fail_os("gate: eventfd");
    if (gate->orders_done == gate->orders_posted)
        return false;
    const struct gate_order order = gate->order;
    if (order.server_port != 0)
        gate->server_port = order.server_port;
    if (order.set_mode)
        set_mode(gate, order.mode);
    if (order.set_cut)
        gate->flow.bytes_to_cut = order.bytes_to_cut;
    if (order.inject.left > 0)
        gate->flow.inject = order.inject;
    if (order.cut)
        cut_all(gate);
    for (int i = 0; order.forget && i < gate->counts.open; i++)
        gate_conn_forget(gate->conns[i]);
    if (order.stop) {
        while (gate->n_fillers > 0)
            close(gate->fillers[--gate->n_fillers]);
        close_listener(gate);
    }
    gate->orders_done = gate->orders_posted;
    cond_broadcast(&gate->done);
    return order.stop;
}

/* Fills `polled`. Returns the number of entries, and in *timeout_ms how long to wait. */
static nfds_t prepare(struct gate *gate, int *timeout_ms) REQUIRES(gate->mu)
{
    bool takes_more = gate->mode != GATE_BLACK_HOLE && gate->counts.open < GATE_CONNS_MAX;
    int64_t wake_at_ns = CLOCK_NEVER;
    gate->polled[0] = (struct pollfd){ .fd = gate->event_fd, .events = POLLIN };
    gate->polled[1] = (struct pollfd){ .fd = takes_more ? gate->listener : -1, .events = POLLIN };
    for (int i = 0; i < gate->counts.open; i++)
        gate_conn_poll(gate->conns[i], &gate->flow, &gate->polled[2 + 2 * i], &wake_at_ns);
    *timeout_ms = clock_poll_ms(wake_at_ns, clock_now_ns());
    return 2 + 2 * (nfds_t)gate->counts.open;
}

void *gate_run(void *arg)
{
    struct gate *gate = arg;
    mutex_lock(&gate->mu);
    while (!obey(gate)) {
        if (gate->listener >= 0 && gate->mode != GATE_BLACK_HOLE)
            accept_all(gate);
        if (!gate->flow.stalled)
            pump_all(gate);
        int timeout_ms;
        nfds_t n = prepare(gate, &timeout_ms);
        mutex_unlock(&gate->mu);
        int rc = poll(gate->polled, n, timeout_ms);
        if (rc < 0 && errno != EINTR)
            support_fail_os("gate: poll");
        mutex_lock(&gate->mu);
    }
    mutex_unlock(&gate->mu);
    return NULL;
}

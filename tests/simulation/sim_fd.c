/* sim_fd.c - see sim_fd.h. Stricter than the kernel where that finds mistakes: an unknown or closed
 * descriptor, or one that is closed while it is watched, ends the run. */
#include "simulation/sim_fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "simulation/sim.h"
#include "support/wrap.h"

WRAP(poll);
WRAP(epoll_create1);
WRAP(epoll_ctl);
WRAP(epoll_wait);
WRAP(eventfd);
WRAP(eventfd_read);
WRAP(eventfd_write);
WRAP(fcntl);
WRAP(shutdown);
WRAP(close);
REAL(close);

enum { SPINS_MAX = 20 };

enum kind { KIND_FREE, KIND_SOCKET, KIND_EVENT, KIND_EPOLL };

struct descriptor {
    enum kind kind;
    struct sim_socket *socket;
    uint64_t count;    /* of an eventfd */
    bool watched;      /* by the epoll: there is one at a time */
    uint32_t interest; /* EPOLL* */
    uint32_t told;     /* of what is edge-triggered */
    epoll_data_t data;
};

static struct descriptor table[SIM_FDS_MAX];
static struct sim_socket *sockets;
static uint32_t run_out;

static struct descriptor *find(int fd)
{
    bool ours = fd >= SIM_FD_FIRST && fd < SIM_FD_FIRST + SIM_FDS_MAX;
    SIM_CHECK(ours && table[fd - SIM_FD_FIRST].kind != KIND_FREE, "descriptor %d is not open", fd);
    return &table[fd - SIM_FD_FIRST];
}

static int allot(struct descriptor what)
{
    for (int i = 0; i < SIM_FDS_MAX; i++)
        if (table[i].kind == KIND_FREE) {
            table[i] = what;
            return SIM_FD_FIRST + i;
        }
    sim_fail("out of descriptors");
}

uint32_t sim_fd_watch(int fd)
{
    const struct descriptor *d = find(fd);
    return d->watched ? d->interest & ~(uint32_t)(EPOLLHUP | EPOLLERR) : 0;
}

static bool runs_out(int error)
{
    bool yes = run_out > 0 && sim_chance(run_out);
    if (yes)
        errno = error;
    return yes;
}

void sim_fd_run_out(uint32_t one_in)
{
    run_out = one_in;
}

unsigned sim_fds_open(void)
{
    unsigned n = 0;
    for (int i = 0; i < SIM_FDS_MAX; i++)
        n += table[i].kind != KIND_FREE;
    return n;
}

/* ---- sockets ---- */

int sim_socket_open(struct sim_socket **socket)
{
    *socket = malloc(sizeof **socket);
    SIM_CHECK(*socket != NULL, "out of memory");
    **socket = (struct sim_socket){ .readable_at_ns = CLOCK_NEVER,
                                    .writable_at_ns = CLOCK_NEVER,
                                    .hang_up_at_ns = CLOCK_NEVER,
                                    .links = 2,
                                    .next = sockets };
    sockets = *socket;
    return allot((struct descriptor){ .kind = KIND_SOCKET, .socket = *socket });
}

void sim_socket_leave(struct sim_socket *socket)
{
    if (--socket->links > 0)
        return;
    struct sim_socket **at = &sockets;
    while (*at != socket)
        at = &(*at)->next;
    *at = socket->next;
    free(socket);
}

bool sim_socket_is_dead(const struct sim_socket *socket)
{
    return socket->shut || sim_now_ns() >= socket->hang_up_at_ns;
}

const struct sim_socket *sim_socket_of(int fd)
{
    return fd >= SIM_FD_FIRST ? find(fd)->socket : NULL;
}

static int64_t sooner(int64_t best_ns, int64_t at_ns)
{
    return at_ns > sim_now_ns() ? clock_min(best_ns, at_ns) : best_ns;
}

int64_t sim_fd_next_event_ns(void)
{
    int64_t next_ns = CLOCK_NEVER;
    for (const struct sim_socket *s = sockets; s != NULL; s = s->next) {
        next_ns = sooner(next_ns, s->readable_at_ns);
        next_ns = sooner(next_ns, s->writable_at_ns);
        next_ns = sooner(next_ns, s->hang_up_at_ns);
    }
    return next_ns;
}

/* POLL* and EPOLL* are the same bits. */
static uint32_t state_of(const struct descriptor *d)
{
    if (d->kind == KIND_EVENT)
        return d->count > 0 ? POLLIN | POLLOUT : POLLOUT;
    const struct sim_socket *s = d->socket;
    if (s->shut)
        return POLLIN | POLLOUT | POLLRDHUP | POLLHUP;
    uint32_t state = 0;
    if (sim_now_ns() >= s->readable_at_ns)
        state |= POLLIN;
    if (sim_now_ns() >= s->writable_at_ns)
        state |= POLLOUT;
    if (sim_now_ns() >= s->hang_up_at_ns)
        state |= POLLIN | POLLRDHUP;
    return state;
}

int __wrap_shutdown(int fd, int how)
{
    SIM_CHECK(how == SHUT_RDWR, "only SHUT_RDWR is known here");
    find(fd)->socket->shut = true;
    return 0;
}

/* int fcntl(int, int, ...): the third is what a duplicate's number is not to be below. */
int __wrap_fcntl(int fd, int command, ...)
{
    SIM_CHECK(command == F_DUPFD_CLOEXEC, "only F_DUPFD_CLOEXEC is known here");
    struct descriptor *d = find(fd);
    if (runs_out(EMFILE))
        return -1;
    d->socket->links++;
    return allot((struct descriptor){ .kind = KIND_SOCKET, .socket = d->socket });
}

/* With its last descriptor a socket leaves the epoll by itself; before, it would stay in it. */
static bool is_only_link(const struct descriptor *d)
{
    for (int i = 0; i < SIM_FDS_MAX; i++)
        if (&table[i] != d && table[i].kind == KIND_SOCKET && table[i].socket == d->socket)
            return false;
    return true;
}

int __wrap_close(int fd)
{
    if (fd < SIM_FD_FIRST)
        return __real_close(fd);
    struct descriptor *d = find(fd);
    if (d->kind == KIND_SOCKET) {
        SIM_CHECK(!d->watched || is_only_link(d), "descriptor %d is closed, and still watched", fd);
        sim_socket_leave(d->socket);
    }
    *d = (struct descriptor){ .kind = KIND_FREE };
    return 0;
}

/* ---- eventfd ---- */

int __wrap_eventfd(unsigned count, int flags)
{
    (void)flags;
    return allot((struct descriptor){ .kind = KIND_EVENT, .count = count });
}

int __wrap_eventfd_write(int fd, eventfd_t by)
{
    find(fd)->count += by;
    return 0;
}

int __wrap_eventfd_read(int fd, eventfd_t *out)
{
    struct descriptor *d = find(fd);
    if (d->count == 0) {
        errno = EAGAIN;
        return -1;
    }
    *out = d->count;
    d->count = 0;
    return 0;
}

/* ---- poll ---- */

struct poll_wait {
    const struct pollfd *fds;
    nfds_t n;
};

static short revents_of(const struct pollfd *p)
{
    if (p->fd < 0)
        return 0;
    uint32_t asked = (uint16_t)p->events | POLLHUP | POLLERR;
    return (short)(state_of(find(p->fd)) & asked);
}

static bool any_ready(const void *arg)
{
    const struct poll_wait *wait = arg;
    for (nfds_t i = 0; i < wait->n; i++)
        if (revents_of(&wait->fds[i]) != 0)
            return true;
    return false;
}

static int64_t moment_in(int timeout_ms)
{
    return timeout_ms < 0 ? CLOCK_NEVER : sim_now_ns() + timeout_ms * NS_PER_MS;
}

/* Some waits for nothing are bound to happen; many in a row are a loop that eats the processor. */
static void watch_for_spinning(int timeout_ms, bool in_vain)
{
    static unsigned in_a_row[SIM_ACTORS_MAX];
    unsigned *n = &in_a_row[sim_self()];
    *n = timeout_ms == 0 && in_vain ? *n + 1 : 0;
    SIM_CHECK(*n < SPINS_MAX, "spins: it wakes again and again, and there is nothing to do");
}

static bool is_interrupted(void)
{
    bool yes = sim_chance(500);
    if (yes)
        errno = EINTR;
    return yes;
}

int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
    struct poll_wait wait = { fds, n };
    (void)sim_await("poll", any_ready, &wait, moment_in(timeout_ms));
    if (is_interrupted())
        return -1;
    int ready = 0;
    for (nfds_t i = 0; i < n; i++) {
        fds[i].revents = revents_of(&fds[i]);
        ready += fds[i].revents != 0;
    }
    watch_for_spinning(timeout_ms, ready == 0);
    return ready;
}

/* ---- epoll: one at a time, so what it watches is noted in the table itself ---- */

int __wrap_epoll_create1(int flags)
{
    (void)flags;
    for (int i = 0; i < SIM_FDS_MAX; i++)
        SIM_CHECK(table[i].kind != KIND_EPOLL, "only one epoll is known here");
    return allot((struct descriptor){ .kind = KIND_EPOLL });
}

int __wrap_epoll_ctl(int epoll_fd, int op, int fd, struct epoll_event *event)
{
    struct descriptor *d = find(fd);
    SIM_CHECK(find(epoll_fd)->kind == KIND_EPOLL, "descriptor %d is no epoll", epoll_fd);
    if (op == EPOLL_CTL_ADD && runs_out(ENOSPC))
        return -1;
    if (d->watched == (op == EPOLL_CTL_ADD)) {
        errno = d->watched ? EEXIST : ENOENT;
        return -1;
    }
    d->watched = op != EPOLL_CTL_DEL;
    d->interest = event->events | EPOLLHUP | EPOLLERR;
    d->data = event->data;
    d->told = 0;
    return 0;
}

static uint32_t news_of(const struct descriptor *d)
{
    return d->watched ? state_of(d) & d->interest & ~d->told : 0;
}

static bool any_news(const void *arg)
{
    (void)arg;
    for (int i = 0; i < SIM_FDS_MAX; i++)
        if (news_of(&table[i]) != 0)
            return true;
    return false;
}

int __wrap_epoll_wait(int epoll_fd, struct epoll_event *events, int most, int timeout_ms)
{
    int n = 0, first = (int)sim_draw(SIM_FDS_MAX);
    SIM_CHECK(find(epoll_fd)->kind == KIND_EPOLL, "descriptor %d is no epoll", epoll_fd);
    (void)sim_await("epoll", any_news, NULL, moment_in(timeout_ms));
    if (is_interrupted())
        return -1;
    for (int i = 0; i < SIM_FDS_MAX && n < most; i++) {
        struct descriptor *d = &table[(first + i) % SIM_FDS_MAX];
        uint32_t news = news_of(d);
        if (news == 0)
            continue;
        events[n++] = (struct epoll_event){ .events = news, .data = d->data };
        if (d->interest & EPOLLET)
            d->told |= news;
        if (d->interest & EPOLLONESHOT)
            d->told = UINT32_MAX;
    }
    watch_for_spinning(timeout_ms, n == 0);
    return n;
}

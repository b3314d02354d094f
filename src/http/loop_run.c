/* loop_run.c - see loop_run.h. One round of a loop:
 *
 *     1. wait for libmicrohttpd's epoll descriptor, our eventfd, or the next deadline; do not wait
 *        if libmicrohttpd has more to do, or if there are completions
 *     2. finish the completions, and call on_deadline() of the requests whose deadline has come
 *     3. run libmicrohttpd, which reads, calls handlers and writes. This comes after step 2, so
 *        that the answers of step 2 are sent in the same round
 *     4. sweep the connections. This comes after step 3, so that no connection is closed for being
 *        late while its bytes wait to be read
 *
 * http.h says why libmicrohttpd has no thread of its own. */
#include "http/loop_run.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "http/conn.h"
#include "http/conn_admit.h"
#include "http/loop.h"
#include "http/message/problem.h"
#include "http/message/target.h"
#include "http/mhd_errors.h"
#include "http/request.h"
#include "http/request_flow.h"
#include "http/server.h"
#include "http/sweep.h"
#include "http/tls/transport.h"

/* Says how strictly libmicrohttpd 0.9.77 and later parse requests. 0.9.75 has no such option, so
 * with 0.9.75 raw_framing.h checks the requests. At level 1 only CRLF ends a line (in chunks and
 * trailers too), no header may be folded, and no blank may stand in a target. Level 2 would also
 * reject an empty line before a request, which RFC 9112 section 2.2 asks servers to ignore. Level 3
 * would accept blanks before the extension of a chunk, which level 1 rejects. */
enum { CLIENT_DISCIPLINE = 1 };

#define FLUSH_NS NS_PER_S /* the time for sending the last answers */

/* The longest time between two rounds while no descriptor is free. libmicrohttpd tries accept()
 * again only in a round. If the loop has no connection, perhaps no other event begins a round. */
#define STARVED_ROUND_NS (50 * NS_PER_MS)

/* ---- one round ---- */

static void call_on_deadline(struct http_loop *loop)
{
    struct heap_node *due;
    while ((due = heap_first(&loop->deadlines)) != NULL && due->key <= loop->now_ns) {
        struct http_request *req = CONTAINER_OF(due, struct http_request, deadline);
        heap_remove(&loop->deadlines, due);
        req->on_deadline(req, req->deadline_arg);
    }
}

static int64_t next_timer_ns(const struct http_loop *loop)
{
    if (loop->starved)
        return loop->now_ns + STARVED_ROUND_NS;
    const struct heap_node *due = heap_first(&loop->deadlines);
    int64_t sweep_at_ns = loop->conns.count > 0 ? loop->sweep_at_ns : CLOCK_NEVER;
    return due != NULL ? clock_min(due->key, sweep_at_ns) : sweep_at_ns;
}

static void wait_for_events(struct http_loop *loop, int64_t until_ns)
{
    MHD_UNSIGNED_LONG_LONG ignored; /* always 0, because we set no timeouts */
    bool more_to_do = MHD_get_timeout(loop->daemon, &ignored) == MHD_YES;
    if (!more_to_do && loop_fall_asleep(loop)) {
        struct epoll_event events[2]; /* ignored: MHD_run() looks at its descriptor itself */
        int n = epoll_wait(loop->epoll_fd, events, 2, clock_poll_ms(until_ns, clock_now_ns()));
        CHECK(n >= 0 || errno == EINTR);
    }
    loop->now_ns = clock_now_ns();
    (void)loop_finish_completions(loop);
}

static void stop_listening(struct http_loop *loop)
{
    loop->draining_since_ns = loop->now_ns;
    loop->sweep_at_ns = loop->now_ns;
    loop->starved = false;
    (void)MHD_quiesce_daemon(loop->daemon);
    (void)close(loop->listen_fd);
    loop->listen_fd = -1;
}

static enum server_phase phase_of(struct http_loop *loop)
{
    int phase = atomic_load_explicit(&loop->server->phase, memory_order_acquire);
    return (enum server_phase)phase;
}

/* Returns true if a connection waits to be accepted. accept() cannot tell whether one waits:
 * without a free descriptor it fails before it looks for a connection. */
static bool has_pending_connection(const struct http_loop *loop)
{
    struct pollfd listener = { .fd = loop->listen_fd, .events = POLLIN };
    return poll(&listener, 1, 0) == 1;
}

static void run_round(struct http_loop *loop, int64_t until_ns)
{
    wait_for_events(loop, clock_min(until_ns, next_timer_ns(loop)));
    if (phase_of(loop) != SERVER_OPEN && loop->draining_since_ns == CLOCK_NEVER)
        stop_listening(loop);
    loop_give_beat(loop);
    call_on_deadline(loop);
    (void)MHD_run(loop->daemon); /* fails only after the daemon was stopped */
    if (loop->starved && has_pending_connection(loop))
        sweep_make_room(loop);
    if (loop->now_ns >= loop->sweep_at_ns) {
        sweep_conns(loop);
        loop->sweep_at_ns = loop->now_ns + sweep_interval_ns(loop);
    }
}

/* ---- life ---- */

/* Answers all suspended requests, because libmicrohttpd must not be stopped while a connection is
 * suspended. */
static void answer_deferred(struct http_loop *loop)
{
    for (struct list_node *node; (node = loop->suspended.first) != NULL;)
        http_problem(CONTAINER_OF(node, struct http_request, link), &problem_cut_short);
}

static void shut(struct http_loop *loop)
{
    if (loop->draining_since_ns == CLOCK_NEVER)
        stop_listening(loop);
    loop->closing = true;
    while (loop_finish_completions(loop))
        ; /* a completion may lead to another one */
    answer_deferred(loop);
    int64_t flushed_by_ns = clock_now_ns() + FLUSH_NS;
    while (loop->n_sending > 0 && loop->now_ns < flushed_by_ns)
        run_round(loop, flushed_by_ns);
    MHD_stop_daemon(loop->daemon);
}

static void *run(void *arg)
{
    struct http_loop *loop = arg;
    loop->self = pthread_self();
    while (phase_of(loop) != SERVER_CLOSING)
        run_round(loop, CLOCK_NEVER);
    shut(loop);
    return NULL;
}

/* Stores the target of a request in its connection. libmicrohttpd calls this before it unescapes
 * the target and reads the headers. The returned NULL becomes *ctx of the first
 * request_flow_access(). */
static void *note_target(void *cls, const char *target, struct MHD_Connection *mhd)
{
    (void)cls;
    struct http_conn *conn = http_conn_of(mhd);
    if (conn != NULL) {
        conn->target = target;
        conn->target_end = target + strlen(target);
        conn->target_fault = target_fault(target);
    }
    return NULL;
}

static struct MHD_Daemon *start_daemon(struct http_loop *loop)
{
    const struct http_options *options = &loop->server->options;
    struct MHD_OptionItem items[] = {
        { MHD_OPTION_LISTEN_SOCKET, loop->listen_fd, NULL },
        { MHD_OPTION_CONNECTION_LIMIT, (intptr_t)http_sockets_max(options->max_connections, 1),
          NULL },
        { MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)options->header_max_bytes, NULL },
#if MHD_VERSION >= 0x00097701
        { MHD_OPTION_CLIENT_DISCIPLINE_LVL, CLIENT_DISCIPLINE, NULL },
#endif
        { MHD_OPTION_END, 0, NULL },
    };
    struct MHD_OptionItem tls_items[TRANSPORT_OPTIONS];
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    flags |= transport_daemon(options->tls, tls_items);
    return MHD_start_daemon(
        flags, 0, NULL, NULL, request_flow_access, loop, MHD_OPTION_EXTERNAL_LOGGER,
        mhd_errors_note, loop, /* the first option: errors of earlier ones go to stderr */
        MHD_OPTION_ARRAY, items, MHD_OPTION_NOTIFY_CONNECTION, conn_admit_notify, loop,
        MHD_OPTION_NOTIFY_COMPLETED, request_flow_completed, loop, MHD_OPTION_URI_LOG_CALLBACK,
        note_target, loop, MHD_OPTION_ARRAY, tls_items, MHD_OPTION_END);
}

static bool watch(struct http_loop *loop, int fd, uint32_t events)
{
    struct epoll_event event = { .events = events, .data.fd = fd };
    return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static bool open_daemon(struct http_loop *loop)
{
    loop->listen_fd = fcntl(loop->server->listen_fd, F_DUPFD_CLOEXEC, 0);
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->listen_fd < 0 || loop->epoll_fd < 0 || loop->wake_fd < 0)
        return false;
    loop->daemon = start_daemon(loop);
    if (loop->daemon == NULL)
        return false;
    int mhd_fd = MHD_get_daemon_info(loop->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    /* With EPOLLET each write to the eventfd is a new event, so the eventfd is never read. */
    return watch(loop, mhd_fd, EPOLLIN) && watch(loop, loop->wake_fd, EPOLLIN | EPOLLET);
}

static void close_fd(int fd)
{
    if (fd >= 0)
        (void)close(fd);
}

static void loop_fini(struct http_loop *loop)
{
    close_fd(loop->listen_fd);
    close_fd(loop->epoll_fd);
    close_fd(loop->wake_fd);
    heap_fini(&loop->deadlines);
    active_keys_view_fini(&loop->keys);
    mutex_fini(&loop->mu);
}

bool loop_run_open(struct http_loop *loop, struct http_server *server, struct err *err)
{
    *loop = (struct http_loop){
        .server = server,
        .listen_fd = -1,
        .epoll_fd = -1,
        .wake_fd = -1,
        .draining_since_ns = CLOCK_NEVER,
        .entropy_used = LOOP_ENTROPY_BYTES,
    };
    mutex_init(&loop->mu);
    if (open_daemon(loop) && thread_start(&loop->thread, "http", run, loop) == 0)
        return true;
    err_set(err, ERR_RETRYABLE, "cannot start an HTTP loop: no memory, descriptors or threads");
    if (loop->daemon != NULL) {
        (void)MHD_quiesce_daemon(loop->daemon); /* else MHD_stop_daemon() closes listen_fd too */
        MHD_stop_daemon(loop->daemon);
    }
    loop_fini(loop);
    return false;
}

void loop_run_join(struct http_loop *loop)
{
    thread_join(loop->thread);
    loop_fini(loop);
}

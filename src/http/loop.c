/* loop.c - see loop.h. One round: wait, take completions, keep deadlines, let libmicrohttpd read,
 * call handlers and write, sweep. libmicrohttpd comes after the completions, so that what was
 * answered in the round also leaves in it, and before the sweep, so that what has come is read
 * before anybody is called late; while it has more to do there is no wait. Its own epoll descriptor
 * and our eventfd are what we wait on: why not in a thread of its own, see http.h. */
#include "http/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/abstract.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "http/conn.h"
#include "http/mhd_errors.h"
#include "http/problem.h"
#include "http/request.h"
#include "http/server.h"
#include "http/target.h"
#include "http/tls_set.h"

/* How strictly libmicrohttpd 0.9.77 and later parse; 0.9.75 has no such option, and wire.h checks
 * there. At 1 only CRLF ends a line, also in chunks and trailers, no header is folded, and no blank
 * stands in a target. 2 would also refuse the empty line before a request, which RFC 9112 section
 * 2.2 has servers ignore, and 3 would take blanks before a chunk's extension again. */
enum { CLIENT_DISCIPLINE = 1 };

#define FLUSH_NS NS_PER_S /* to send the last answers in */

/* Only a round makes libmicrohttpd accept again, and none comes by itself when no connection is
 * left. */
#define STARVED_ROUND_NS (50 * NS_PER_MS)

enum { ID_BYTES = (LOOP_ID_SIZE - 1) / 2 };

_Static_assert(LOOP_ENTROPY_BYTES % ID_BYTES == 0, "an id never straddles a refill");

void loop_random_id(struct http_loop *loop, char out[LOOP_ID_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    if (loop->entropy_used == LOOP_ENTROPY_BYTES) {
        ssize_t got = getrandom(loop->entropy, LOOP_ENTROPY_BYTES, 0);
        CHECK(got == LOOP_ENTROPY_BYTES); /* no signal comes to this thread */
        loop->entropy_used = 0;
    }
    const unsigned char *bytes = loop->entropy + loop->entropy_used;
    loop->entropy_used += ID_BYTES;
    for (size_t i = 0; i < ID_BYTES; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[LOOP_ID_SIZE - 1] = '\0';
}

/* ---- completions ---- */

void loop_wake(struct http_loop *loop)
{
    uint64_t one = 1;
    CHECK(write(loop->wake_fd, &one, sizeof one) == sizeof one);
}

void loop_ask_beat(struct http_loop *loop, uint64_t beat)
{
    atomic_store_explicit(&loop->beat_asked, beat, memory_order_relaxed);
    loop_wake(loop);
}

bool loop_has_beaten(struct http_loop *loop, uint64_t beat)
{
    return atomic_load_explicit(&loop->beat_given, memory_order_relaxed) == beat;
}

static void give_beat(struct http_loop *loop)
{
    uint64_t asked = atomic_load_explicit(&loop->beat_asked, memory_order_relaxed);
    atomic_store_explicit(&loop->beat_given, asked, memory_order_relaxed);
}

void http_complete(struct http_loop *loop, struct http_completion *first)
{
    if (first == NULL)
        return;
    struct http_completion *last = first;
    while (last->next != NULL)
        last = last->next;
    mutex_lock(&loop->mu);
    bool was_empty = loop->done_first == NULL;
    if (was_empty)
        loop->done_first = first;
    else
        loop->done_last->next = first;
    loop->done_last = last;
    mutex_unlock(&loop->mu);
    if (was_empty)
        loop_wake(loop);
}

/* False when there were none. */
static bool finish_completions(struct http_loop *loop)
{
    mutex_lock(&loop->mu);
    struct http_completion *next = loop->done_first;
    loop->done_first = loop->done_last = NULL;
    mutex_unlock(&loop->mu);
    bool any = next != NULL;
    while (next != NULL) {
        struct http_completion *completion = next;
        next = completion->next; /* finish may free it */
        completion->finish(completion);
    }
    return any;
}

/* ---- one round ---- */

static struct http_request *request_of(struct deadline *deadline)
{
    return (struct http_request *)(void *)((char *)deadline -
                                           offsetof(struct http_request, deadline));
}

static void keep_deadlines(struct http_loop *loop)
{
    struct deadline *due;
    while ((due = deadlines_first(&loop->deadlines)) != NULL && due->at_ns <= loop->now_ns) {
        struct http_request *req = request_of(due);
        deadlines_remove(&loop->deadlines, due);
        req->on_deadline(req, req->deadline_arg);
    }
}

static int64_t next_timer_ns(const struct http_loop *loop)
{
    if (loop->starved)
        return loop->now_ns + STARVED_ROUND_NS;
    const struct deadline *due = deadlines_first(&loop->deadlines);
    int64_t sweep_at_ns = loop->n_conns > 0 ? loop->sweep_at_ns : CLOCK_NEVER;
    return due != NULL ? clock_min(due->at_ns, sweep_at_ns) : sweep_at_ns;
}

static void wait_for_events(struct http_loop *loop, int64_t until_ns)
{
    MHD_UNSIGNED_LONG_LONG ignored;
    bool more_to_do = MHD_get_timeout(loop->daemon, &ignored) == MHD_YES; /* we set no timeouts */
    int wait_ms = more_to_do ? 0 : clock_poll_ms(until_ns, clock_now_ns());
    struct epoll_event events[2];
    int n = epoll_wait(loop->epoll_fd, events, 2, wait_ms);
    CHECK(n >= 0 || errno == EINTR);
    loop->now_ns = clock_now_ns();
    for (int i = 0; i < n; i++) {
        uint64_t count;
        if (events[i].data.fd != loop->wake_fd)
            continue;
        CHECK(read(loop->wake_fd, &count, sizeof count) == sizeof count);
        (void)finish_completions(loop);
    }
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

/* accept() wants a descriptor before it looks whether there is a connection. */
static bool somebody_waits(const struct http_loop *loop)
{
    struct pollfd listener = { .fd = loop->listen_fd, .events = POLLIN };
    return poll(&listener, 1, 0) == 1;
}

static void run_round(struct http_loop *loop, int64_t until_ns)
{
    wait_for_events(loop, clock_min(until_ns, next_timer_ns(loop)));
    if (phase_of(loop) != SERVER_OPEN && loop->draining_since_ns == CLOCK_NEVER)
        stop_listening(loop);
    give_beat(loop);
    keep_deadlines(loop);
    (void)MHD_run(loop->daemon); /* fails only once stopped */
    if (loop->starved && somebody_waits(loop))
        conns_make_room(loop);
    if (loop->now_ns >= loop->sweep_at_ns) {
        conns_sweep(loop);
        loop->sweep_at_ns = loop->now_ns + conns_sweep_interval_ns(loop);
    }
}

/* ---- life ---- */

/* libmicrohttpd must not be stopped while a connection is suspended. */
static void answer_deferred(struct http_loop *loop)
{
    while (loop->deferred != NULL)
        http_problem(loop->deferred, &problem_cut_short);
}

static void shut(struct http_loop *loop)
{
    if (loop->draining_since_ns == CLOCK_NEVER)
        stop_listening(loop);
    loop->closing = true;
    while (finish_completions(loop))
        ; /* one may lead to the next */
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

/* Before the target is unescaped and the headers are read; what is returned would be the request's
 * context. */
static void *note_target(void *cls, const char *target, struct MHD_Connection *mhd)
{
    (void)cls;
    struct conn *conn = conn_of(mhd);
    if (conn != NULL) {
        conn->target = target;
        conn->target_end = target + strlen(target);
        conn->target_fault = target_fault(target);
    }
    return NULL;
}

/* libmicrohttpd wants to know where certificates come from; conn_tls.c has set those of the
 * connection before this could be asked. */
/* NOLINTNEXTLINE(readability-function-size): GnuTLS's parameters */
static int no_certificate(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
                          gnutls_pcert_st **pcert, unsigned *n, gnutls_ocsp_data_st **ocsp,
                          unsigned *n_ocsp, gnutls_privkey_t *key, unsigned *flags)
{
    (void)session, (void)info, (void)pcert, (void)n;
    (void)ocsp, (void)n_ocsp, (void)key, (void)flags;
    return -1;
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
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    flags |= options->tls != NULL ? MHD_USE_TLS : 0;
    return MHD_start_daemon(
        flags, 0, NULL, NULL, request_access, loop, MHD_OPTION_EXTERNAL_LOGGER, mhd_errors_note,
        loop, /* the first, or it would print what the options before it bring */
        MHD_OPTION_ARRAY, items, MHD_OPTION_NOTIFY_CONNECTION, conn_notify, loop,
        MHD_OPTION_NOTIFY_COMPLETED, request_completed, loop, MHD_OPTION_URI_LOG_CALLBACK,
        note_target, loop,
        /* the list ends here without TLS */
        options->tls != NULL ? MHD_OPTION_HTTPS_PRIORITIES : MHD_OPTION_END, tls_priorities,
        MHD_OPTION_HTTPS_CERT_CALLBACK2, no_certificate, MHD_OPTION_END);
}

static bool watch(struct http_loop *loop, int fd)
{
    struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
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
    return watch(loop, mhd_fd) && watch(loop, loop->wake_fd);
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
    deadlines_fini(&loop->deadlines);
    keyring_view_fini(&loop->keys);
    mutex_fini(&loop->mu);
}

bool loop_open(struct http_loop *loop, struct http_server *server, struct err *err)
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
        (void)MHD_quiesce_daemon(loop->daemon); /* or it would close listen_fd too */
        MHD_stop_daemon(loop->daemon);
    }
    loop_fini(loop);
    return false;
}

void loop_join(struct http_loop *loop)
{
    thread_join(loop->thread);
    loop_fini(loop);
}

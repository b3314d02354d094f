/* delay_gate.c - a TCP proxy on 127.0.0.1 that adds latency: each byte is forwarded half of the
 * delay after it has come, so that a question and its answer take the whole delay longer.
 *
 *   delay_gate PORT SOCKET DELAY_US     SOCKET is the path of a PostgreSQL server's socket
 *
 * It says "ready" when it listens. A line of standard input is a new delay in microseconds; the
 * end of standard input ends it. One thread. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/list.h"
#include "load/load_number.h"

enum { CONNS_MAX = 512, CHUNK = 64 * 1024, LINE = 64, DELAY_MAX_US = 1000000 };

/* Bytes that came together and leave together. */
struct chunk {
    struct fifo_node node;
    int64_t due_at_ns;
    size_t len, sent;
    char bytes[CHUNK];
};

/* One direction of a connection. */
struct way {
    int from, to;
    struct fifo chunks;
    bool ended;   /* nothing more comes */
    bool blocked; /* `to` takes nothing now */
};

struct conn {
    struct way ways[2];
};

static struct {
    int listener;
    const char *server;
    int64_t half_delay_ns;
    struct conn conns[CONNS_MAX];
    int n_conns;
} gate;

/* ---- connections ---- */

static int listen_on(in_port_t port)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons(port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, CONNS_MAX) == 0)
        return fd;
    fprintf(stderr, "delay_gate: port %d: %s\n", port, strerror(errno));
    return -1;
}

static int dial_server(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", gate.server);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

static void accept_conn(void)
{
    int client = accept4(gate.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;
    if (client < 0)
        return;
    int server = gate.n_conns < CONNS_MAX ? dial_server() : -1;
    if (server < 0) {
        (void)close(client);
        return;
    }
    (void)setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    gate.conns[gate.n_conns++] = (struct conn){ .ways = { { .from = client, .to = server },
                                                          { .from = server, .to = client } } };
}

static void close_conn(int number)
{
    struct conn *conn = &gate.conns[number];
    for (int i = 0; i < 2; i++) {
        struct fifo_node *node;
        while ((node = fifo_pop(&conn->ways[i].chunks)) != NULL)
            free(CONTAINER_OF(node, struct chunk, node));
        (void)close(conn->ways[i].from);
    }
    *conn = gate.conns[--gate.n_conns];
}

/* ---- bytes ---- */

/* Returns false if the connection is broken. */
static bool take(struct way *way, int64_t now_ns)
{
    struct chunk *chunk = malloc(sizeof *chunk);
    ssize_t got = chunk != NULL ? recv(way->from, chunk->bytes, sizeof chunk->bytes, 0) : -1;
    if (got <= 0) {
        bool waits = chunk != NULL && got < 0 && errno == EAGAIN;
        way->ended = got == 0;
        free(chunk);
        return waits || way->ended;
    }
    chunk->len = (size_t)got;
    chunk->sent = 0;
    chunk->due_at_ns = now_ns + gate.half_delay_ns;
    fifo_push(&way->chunks, &chunk->node);
    return true;
}

static struct chunk *first_of(const struct way *way)
{
    return CONTAINER_OR_NULL(way->chunks.first, struct chunk, node);
}

/* Forwards what is due. Returns false if the connection is broken. */
static bool forward(struct way *way, int64_t now_ns)
{
    way->blocked = false;
    for (struct chunk *chunk; (chunk = first_of(way)) != NULL && chunk->due_at_ns <= now_ns;) {
        ssize_t put =
            send(way->to, chunk->bytes + chunk->sent, chunk->len - chunk->sent, MSG_NOSIGNAL);
        way->blocked = put < 0 && errno == EAGAIN;
        if (put < 0)
            return way->blocked;
        chunk->sent += (size_t)put;
        if (chunk->sent == chunk->len) {
            (void)fifo_pop(&way->chunks);
            free(chunk);
        }
    }
    return true;
}

/* Returns false at the end of the connection. One side's end is the end of both: no client of a
 * database closes one direction only. */
static bool pump(struct conn *conn, const struct pollfd polled[2], int64_t now_ns)
{
    for (int i = 0; i < 2; i++) {
        struct way *way = &conn->ways[i];
        bool comes = (polled[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0;
        if ((comes && !way->ended && !take(way, now_ns)) || !forward(way, now_ns))
            return false;
        if (way->ended && way->chunks.first == NULL)
            return false;
    }
    return true;
}

/* ---- the loop ---- */

/* Returns false at the end of standard input. */
static bool take_command(void)
{
    char line[LINE];
    ssize_t got = read(STDIN_FILENO, line, sizeof line - 1);
    if (got <= 0)
        return false;
    line[got] = '\0';
    long delay_us = strtol(line, NULL, 10);
    if (delay_us >= 0 && delay_us <= DELAY_MAX_US)
        gate.half_delay_ns = delay_us * NS_PER_US / 2;
    return true;
}

/* Waits until something comes or is due. */
static int wait_for(struct pollfd *polled)
{
    int64_t due_at_ns = CLOCK_NEVER;
    polled[0] = (struct pollfd){ .fd = STDIN_FILENO, .events = POLLIN };
    polled[1] = (struct pollfd){ .fd = gate.listener, .events = POLLIN };
    for (int i = 0; i < 2 * gate.n_conns; i++) {
        const struct way *way = &gate.conns[i / 2].ways[i % 2],
                         *back = &gate.conns[i / 2].ways[1 - i % 2];
        short events = (short)((way->ended ? 0 : POLLIN) | (back->blocked ? POLLOUT : 0));
        polled[2 + i] = (struct pollfd){ .fd = way->from, .events = events };
        const struct chunk *first = first_of(way);
        if (first != NULL && !way->blocked)
            due_at_ns = clock_min(due_at_ns, first->due_at_ns);
    }
    int64_t left_ns = due_at_ns - clock_now_ns();
    const struct timespec wait = clock_timespec(left_ns > 0 ? left_ns : 0);
    return ppoll(polled, 2 + 2 * (nfds_t)gate.n_conns, due_at_ns == CLOCK_NEVER ? NULL : &wait,
                 NULL);
}

static int serve(void)
{
    static struct pollfd polled[2 + 2 * CONNS_MAX];
    for (;;) {
        if (wait_for(polled) < 0 && errno != EINTR)
            return EXIT_FAILURE;
        int64_t now_ns = clock_now_ns();
        for (int i = gate.n_conns - 1; i >= 0;
             i--) /* downwards, because closing moves the last one */
            if (!pump(&gate.conns[i], &polled[2 + 2 * i], now_ns))
                close_conn(i);
        if (polled[1].revents != 0)
            accept_conn();
        if (polled[0].revents != 0 && !take_command())
            return EXIT_SUCCESS;
    }
}

int main(int argc, char **argv)
{
    double port, delay_us;
    if (argc != 4 || !load_number(argv[1], 1, 65535, &port) ||
        !load_number(argv[3], 0, DELAY_MAX_US, &delay_us)) {
        fputs("usage: delay_gate PORT SOCKET DELAY_US\n", stderr);
        return 2;
    }
    gate.server = argv[2];
    gate.half_delay_ns = (int64_t)delay_us * NS_PER_US / 2;
    gate.listener = listen_on((in_port_t)port);
    if (gate.listener < 0)
        return EXIT_FAILURE;
    puts("ready");
    (void)fflush(stdout);
    return serve();
}

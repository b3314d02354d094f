/* away_server.c - see away_server.h. Only AWAY_DRIP needs a thread. */
#include "load/away_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/sync.h"

enum { DRIP_MS = 20, CLIENTS_MAX = 256, FILLERS = 4, SETTLE_MS = 200 };

struct client {
    int fd;
    size_t dripped;
};

struct away_server {
    enum away_kind kind;
    struct sockaddr_in address;
    int fd;
    struct client clients[CLIENTS_MAX]; /* AWAY_DRIP: the clients; AWAY_BLACK_HOLE: the dials that
                                           fill the backlog */
    int n_clients;
    atomic_bool stop;
    bool runs;
    pthread_t thread;
};

const char *away_kind_name(enum away_kind kind)
{
    static const char *const names[] = { "refuses", "swallows every packet", "accepts, is silent",
                                         "accepts, drips a byte" };
    return names[kind];
}

int away_server_port(const struct away_server *server)
{
    return ntohs(server->address.sin_port);
}

/* A SYN is dropped if the backlog is full. */
static void fill_backlog(struct away_server *server)
{
    for (int i = 0; i < FILLERS; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0)
            continue;
        (void)connect(fd, (const struct sockaddr *)&server->address, sizeof server->address);
        server->clients[server->n_clients++] = (struct client){ .fd = fd };
    }
    (void)poll(NULL, 0, SETTLE_MS);
}

/* Bytes of an authentication request of the greatest length that libpq accepts: 40 s of drips
 * (PostgreSQL manual, 55.7). */
static char next_byte(size_t dripped)
{
    static const char head[] = "R\0\0\x07\x70";
    return head[dripped < sizeof head ? dripped : sizeof head - 1];
}

static bool drip_on(struct client *client)
{
    char byte = next_byte(client->dripped++);
    if (send(client->fd, &byte, 1, MSG_NOSIGNAL) == 1 || errno == EAGAIN)
        return true;
    (void)close(client->fd);
    return false;
}

static void *drip(void *arg)
{
    struct away_server *server = arg;
    struct pollfd listening = { .fd = server->fd, .events = POLLIN };
    while (!atomic_load(&server->stop)) {
        if (poll(&listening, 1, DRIP_MS) > 0 && server->n_clients < CLIENTS_MAX) {
            int fd = accept4(server->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd >= 0)
                server->clients[server->n_clients++] = (struct client){ .fd = fd };
            continue;
        }
        int kept = 0;
        for (int i = 0; i < server->n_clients; i++)
            if (drip_on(&server->clients[i]))
                server->clients[kept++] = server->clients[i];
        server->n_clients = kept;
    }
    return NULL;
}

static bool bind_to_any(struct away_server *server)
{
    socklen_t len = sizeof server->address;
    server->address = (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr *address = (struct sockaddr *)&server->address;
    return server->fd >= 0 && bind(server->fd, address, len) == 0 &&
           getsockname(server->fd, address, &len) == 0;
}

static bool begin(struct away_server *server)
{
    switch (server->kind) {
    case AWAY_REFUSED:
        return true; /* bound, so that no other process gets the port */
    case AWAY_BLACK_HOLE:
        if (listen(server->fd, 0) != 0)
            return false;
        fill_backlog(server);
        return true;
    case AWAY_SILENT:
        return listen(server->fd, CLIENTS_MAX) == 0;
    case AWAY_DRIP:
        if (listen(server->fd, CLIENTS_MAX) != 0)
            return false;
        server->runs = thread_start(&server->thread, "drip", drip, server) == 0;
        return server->runs;
    }
    return false;
}

struct away_server *away_server_open(enum away_kind kind)
{
    struct away_server *server = calloc(1, sizeof *server);
    if (server == NULL)
        return NULL;
    server->kind = kind;
    server->fd = -1;
    if (bind_to_any(server) && begin(server))
        return server;
    fprintf(stderr, "no server that %s: %s\n", away_kind_name(kind), strerrordesc_np(errno));
    away_server_close(&server);
    return NULL;
}

void away_server_close(struct away_server **server)
{
    struct away_server *s = *server;
    if (s == NULL)
        return;
    atomic_store(&s->stop, true);
    if (s->runs)
        thread_join(s->thread);
    for (int i = 0; i < s->n_clients; i++)
        (void)close(s->clients[i].fd);
    if (s->fd >= 0)
        (void)close(s->fd);
    free(s);
    *server = NULL;
}

/* listener.c - see listener.h. */
#include "http/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "http/http.h"

/* Returns the length of the address, or 0 if the text is no numeric address. */
static socklen_t read_address(const char *text, uint16_t port, union listener_address *out)
{
    *out = (union listener_address){ .v4 = { .sin_family = AF_INET, .sin_port = htons(port) } };
    if (inet_pton(AF_INET, text, &out->v4.sin_addr) == 1)
        return sizeof out->v4;
    *out = (union listener_address){ .v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) } };
    return inet_pton(AF_INET6, text, &out->v6.sin6_addr) == 1 ? sizeof out->v6 : 0;
}

uint32_t listener_port(const union listener_address *address)
{
    bool v4 = address->any.sa_family == AF_INET;
    return ntohs(v4 ? address->v4.sin_port : address->v6.sin6_port);
}

static bool bind_and_listen(int fd, union listener_address *address, socklen_t len)
{
    int on = 1;
    return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
           bind(fd, &address->any, len) == 0 && listen(fd, SOMAXCONN) == 0 &&
           getsockname(fd, &address->any, &len) == 0;
}

static bool take_socket(int fd, union listener_address *own, struct err *err)
{
    socklen_t len = sizeof *own;
    if (getsockname(fd, &own->any, &len) == 0)
        return true;
    err_set(err, 0, "the socket to listen on: %s", strerrordesc_np(errno));
    return false;
}

bool listener_open(const struct http_options *options, int *fd, union listener_address *own,
                   struct err *err)
{
    *own = (union listener_address){ .v6 = { .sin6_family = AF_UNSPEC } };
    *fd = options->listen_fd > 0 ? options->listen_fd : -1;
    if (*fd >= 0)
        return take_socket(*fd, own, err);
    socklen_t len = read_address(options->address, (uint16_t)options->port, own);
    if (len == 0) {
        err_set(err, 0, "\"%s\" is no numeric IPv4 or IPv6 address", options->address);
        return false;
    }
    *fd = socket(own->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd >= 0 && bind_and_listen(*fd, own, len))
        return true;
    err_set(err, 0, "cannot listen on %s port %u: %s", options->address, options->port,
            strerrordesc_np(errno));
    return false;
}

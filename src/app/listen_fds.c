/* listen_fds.c - see listen_fds.h. */
#include "app/listen_fds.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FIRST_FD = 3 };

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static int option_of(int fd, int name)
{
    int value = -1;
    socklen_t len = sizeof value;
    return getsockopt(fd, SOL_SOCKET, name, &value, &len) == 0 ? value : -1;
}

static bool listens_for_tcp(int fd)
{
    int domain = option_of(fd, SO_DOMAIN);
    return (domain == AF_INET || domain == AF_INET6) && option_of(fd, SO_TYPE) == SOCK_STREAM &&
           option_of(fd, SO_ACCEPTCONN) == 1;
}

static bool prepare(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
           fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

static bool describe(struct listen_fds *out)
{
    union address address = { .v6 = { .sin6_family = AF_UNSPEC } };
    socklen_t len = sizeof address;
    if (getsockname(out->fd, &address.any, &len) != 0)
        return false;
    const struct in6_addr *v6 = &address.v6.sin6_addr;
    if (address.any.sa_family == AF_INET) {
        out->loopback = ntohl(address.v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
        out->port = ntohs(address.v4.sin_port);
        return inet_ntop(AF_INET, &address.v4.sin_addr, out->address, sizeof out->address) != NULL;
    }
    out->loopback =
        IN6_IS_ADDR_LOOPBACK(v6) || (IN6_IS_ADDR_V4MAPPED(v6) && v6->s6_addr[12] == IN_LOOPBACKNET);
    out->port = ntohs(address.v6.sin6_port);
    return inet_ntop(AF_INET6, v6, out->address, sizeof out->address) != NULL;
}

/* NOLINTBEGIN(concurrency-mt-unsafe): runs before the first thread is started */
bool listen_fds_take(struct listen_fds *out, struct err *err)
{
    *out = (struct listen_fds){ .fd = -1 };
    const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
    bool ours = pid != NULL && fds != NULL && strtol(pid, NULL, 10) == getpid();
    char *end = NULL;
    long n = ours ? strtol(fds, &end, 10) : 0;
    if (ours && (*end != '\0' || n < 0 || n > 1)) {
        err_set(err, 0,
                "LISTEN_FDS=%.40s: one listening socket may be handed over, for HTTP, and no more",
                fds);
        return false;
    }
    (void)unsetenv("LISTEN_PID");
    (void)unsetenv("LISTEN_FDS");
    (void)unsetenv("LISTEN_FDNAMES");
    if (n == 0)
        return true;
    if (!listens_for_tcp(FIRST_FD) || !prepare(FIRST_FD)) {
        err_set(err, 0,
                "LISTEN_FDS=1: descriptor 3 is no listening TCP socket; a socket unit for it has "
                "ListenStream=ADDRESS:PORT and Accept=no");
        return false;
    }
    out->fd = FIRST_FD;
    if (describe(out))
        return true;
    err_set(err, 0, "LISTEN_FDS=1: descriptor 3 has no address");
    return false;
}
/* NOLINTEND(concurrency-mt-unsafe) */

/* black_hole.c - see black_hole.h. */
#include "support/black_hole.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/process.h"

static int open_socket(int flags)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    if (fd < 0)
        support_fail_os("socket");
    return fd;
}

struct black_hole black_hole_open(const char *address, int port)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    struct black_hole hole = { .fd = open_socket(0) };
    if (inet_pton(AF_INET, address, &at.sin_addr) != 1)
        support_fail("%s is no IPv4 address", address);
    if (bind(hole.fd, (const struct sockaddr *)&at, sizeof at) != 0 || listen(hole.fd, 0) != 0)
        support_fail_os(address);
    for (int i = 0; i < BLACK_HOLE_FILLERS; i++) {
        hole.fillers[i] = open_socket(SOCK_NONBLOCK);
        (void)connect(hole.fillers[i], (const struct sockaddr *)&at, sizeof at);
    }
    return hole;
}

void black_hole_close(struct black_hole *hole)
{
    for (int i = 0; i < BLACK_HOLE_FILLERS; i++)
        (void)close(hole->fillers[i]);
    (void)close(hole->fd);
}

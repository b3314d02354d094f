/* listen_fds.h - takes over a listening socket from the service manager (sd_listen_fds(3)). While
 * the service restarts, new connections wait in that socket. */
#ifndef APP_LISTEN_FDS_H
#define APP_LISTEN_FDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct listen_fds {
    /* -1: no socket was passed. The struct owns the socket until http_server_open() takes it. */
    int fd;
    char address[64];
    uint32_t port;
    bool loopback;
};

/* Takes the socket that LISTEN_PID and LISTEN_FDS name, and removes the LISTEN_ variables from the
 * environment. Call it before the first thread is started. Returns false, with *err, if there is
 * more than one socket, or if the socket does not listen for TCP. */
bool listen_fds_take(struct listen_fds *out, struct err *err) MUST_CHECK;

#endif

/* listen_fds.h - the listening socket that whoever started the service may have opened for it
 * (sd_listen_fds(3)): connections wait in it while the service is restarted. */
#ifndef APP_LISTEN_FDS_H
#define APP_LISTEN_FDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct listen_fds {
    int fd; /* -1: none was handed over; owned until http_server_open() takes it */
    char address[64];
    uint32_t port;
    bool loopback;
};

/* Reads LISTEN_PID and LISTEN_FDS, and takes them out of the environment: before the first thread.
 * False: more than one, or one that does not listen for TCP; *err says so. */
bool listen_fds_take(struct listen_fds *out, struct err *err) MUST_CHECK;

#endif

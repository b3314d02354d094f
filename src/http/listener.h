/* listener.h - opens the socket on which a server listens. Internal to http.
 *
 * ordersd does not let libmicrohttpd bind the socket. listener_open() binds the socket without
 * SO_REUSEPORT, so that bind() fails if the port is in use. libmicrohttpd gets a duplicate of the
 * socket for each loop. */
#ifndef HTTP_LISTENER_H
#define HTTP_LISTENER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct err;
struct http_options;

union listener_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* Opens a listening socket, or uses options->listen_fd if that is greater than 0. Sets *fd to the
 * socket, and *own to its address. Returns false on failure: then *err says why. The caller closes
 * *fd in either case, unless *fd is -1. */
bool listener_open(const struct http_options *options, int *fd, union listener_address *own,
                   struct err *err) MUST_CHECK;

uint32_t listener_port(const union listener_address *address);

#endif

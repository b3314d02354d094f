/* listener.h - inside of the layer: the socket that a server listens on.
 *
 * We bind it, not libmicrohttpd, and without SO_REUSEPORT, so that a port that another program has
 * is an error with a name. Every loop gets a duplicate of it. */
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

/* Binds and listens, or takes options->listen_fd. *fd is the caller's to close, also on failure;
 * -1: there is none. *own is the address that it has. False: *err. */
bool listener_open(const struct http_options *options, int *fd, union listener_address *own,
                   struct err *err) MUST_CHECK;

uint32_t listener_port(const union listener_address *address);

#endif

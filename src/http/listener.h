/* listener.h - inside of the layer: the socket that a server listens on.
 *
 * We bind the socket instead of libmicrohttpd, and without SO_REUSEPORT, so that a port that is in
 * use is an error that says so. Every loop gets a duplicate of the socket. */
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

/* Binds and listens, or takes options->listen_fd. The caller closes *fd, also on failure; -1: there
 * is none. *own is the address of the socket. False: *err. */
bool listener_open(const struct http_options *options, int *fd, union listener_address *own,
                   struct err *err) MUST_CHECK;

uint32_t listener_port(const union listener_address *address);

#endif

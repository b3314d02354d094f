/* host.h - inside of the layer: the host that Host, Origin or the request target names, as
 * RFC 9112, 3.2, and RFC 3986, 3.2.2, write it. Any thread. */
#ifndef HTTP_MESSAGE_HOST_H
#define HTTP_MESSAGE_HOST_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

/* Points into the text that it was read from. */
struct host {
    const char *name; /* of an IPv6 address without its brackets; may be empty */
    size_t len;
    bool bracketed;
};

/* Reads "name", "name:80" or "[::1]:80". False: the text is no host with or without a port. No name
 * may hold a comma, though RFC 3986 allows it: a proxy joins two Host headers by one. */
bool host_read(const char *text, size_t len, struct host *out) MUST_CHECK;

/* The host and port of a target in absolute form, "http://host:80/path"; NULL for another form. */
const char *host_of_target(const char *target, size_t *len);

/* Reads a host that is an address; IPv4 is mapped into IPv6. False: the host is a name. */
bool host_address(const struct host *host, struct in6_addr *out) MUST_CHECK;

#endif

/* hosts.h - inside of the layer: the host that a request is meant for, and whether this server
 * answers to it.
 *
 * A web page can make a browser send requests to a server on loopback by giving its own name the
 * address 127.0.0.1 (DNS rebinding). Such a request names the page's host. So a server that asks
 * nobody for a key answers only to names that no page can take: those of loopback, its own address,
 * and the ones that its owner lists. Everything here is immutable once the server is open. */
#ifndef HTTP_HOSTS_H
#define HTTP_HOSTS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct sockaddr;

/* As in Host: RFC 9112, 3.2, and RFC 3986, 3.2.2. Points into the text that it was read from. */
struct host {
    const char *name; /* of an IPv6 address without its brackets; may be empty */
    size_t len;
    bool bracketed;
};

/* "name", "name:80", "[::1]:80". False: that is no host with or without a port. A comma, which
 * RFC 3986 allows in a name, is refused: it is how a proxy joins two Host headers. */
bool host_read(const char *text, size_t len, struct host *out) MUST_CHECK;

/* The authority of a target in absolute form, "http://host:80/path"; NULL for any other form. */
const char *host_of_target(const char *target, size_t *len);

struct hosts {
    bool checked;        /* false: every host is allowed */
    const char *listed;  /* more hosts, with commas between them; borrowed */
    struct in6_addr own; /* the address of the server; IPv4 mapped into IPv6 */
};

void hosts_init(struct hosts *hosts, bool checked, const char *listed, const struct sockaddr *own);

/* Also true when nothing is checked. Any thread. */
bool hosts_allow(const struct hosts *hosts, const struct host *host) MUST_CHECK;

/* The same for the value of an Origin header, "https://host:443"; "null" is nobody. */
bool hosts_allow_origin(const struct hosts *hosts, const char *origin) MUST_CHECK;

#endif

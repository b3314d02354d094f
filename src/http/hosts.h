/* hosts.h - decides whether this server answers to the host that a request names. Internal to http.
 *
 * The owner of a web page can make a browser send requests to a server on loopback, if the name of
 * the page's host resolves to 127.0.0.1 (DNS rebinding). Such a request names the page's host. So a
 * server that requires no key answers only to names that no page can take: the names of loopback,
 * its own address, and the names that its owner lists. A struct hosts does not change once the
 * server is open. */
#ifndef HTTP_HOSTS_H
#define HTTP_HOSTS_H

#include <netinet/in.h>
#include <stdbool.h>

#include "base/attr.h"

struct host;
struct sockaddr;

struct hosts {
    bool checked;        /* false: every host is allowed */
    const char *listed;  /* more hosts, comma-separated; borrowed */
    struct in6_addr own; /* the address of the server; an IPv4 address is mapped into IPv6 */
};

void hosts_init(struct hosts *hosts, bool checked, const char *listed, const struct sockaddr *own);

/* Returns true if this server answers to the host, or if hosts are not checked. Any thread may call
 * this. */
bool hosts_allow(const struct hosts *hosts, const struct host *host) MUST_CHECK;

/* Returns true if web pages of that origin may use this server, or if hosts are not checked.
 * `origin` is the value of an Origin header, such as "https://host:443". The origin "null" is not
 * allowed. */
bool hosts_allow_origin(const struct hosts *hosts, const char *origin) MUST_CHECK;

#endif

/* host.h - reads the host in Host, Origin or the request target, in the syntax of RFC 9112, 3.2,
 * and RFC 3986, 3.2.2. Any thread may call these functions. Internal to http. */
#ifndef HTTP_MESSAGE_HOST_H
#define HTTP_MESSAGE_HOST_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

/* A host. Its name points into the text from which it was read. */
struct host {
    const char *name; /* without the brackets of an IPv6 address; may be empty */
    size_t len;
    bool bracketed;
};

/* Reads "name", "name:80" or "[::1]:80". Returns false if the text has another form. RFC 3986
 * allows a comma in a name, but this function does not, because a proxy joins two Host headers by a
 * comma. */
bool host_read(const char *text, size_t len, struct host *out) MUST_CHECK;

/* Returns the host and port of a target in absolute form, "http://host:80/path", and sets *len to
 * their length. Returns NULL for a target in another form. */
const char *host_of_target(const char *target, size_t *len);

/* Reads the address of a host that is given as an address. An IPv4 address is mapped into IPv6.
 * Returns false if the host is a name. */
bool host_address(const struct host *host, struct in6_addr *out) MUST_CHECK;

#endif

/* hosts.c - see hosts.h. */
#include "http/hosts.h"

#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/err.h"
#include "http/http.h"
#include "http/message/host.h"

void hosts_init(struct hosts *hosts, bool checked, const char *listed, const struct sockaddr *own)
{
    *hosts = (struct hosts){ .checked = checked, .listed = listed != NULL ? listed : "" };
    if (own->sa_family == AF_INET6) {
        hosts->own = ((const struct sockaddr_in6 *)(const void *)own)->sin6_addr;
        return;
    }
    hosts->own = (struct in6_addr){ .s6_addr = { [10] = 0xff, [11] = 0xff } };
    memcpy(hosts->own.s6_addr + 12, &((const struct sockaddr_in *)(const void *)own)->sin_addr, 4);
}

static bool same_name(const struct host *host, const char *name, size_t len)
{
    return host->len == len && strncasecmp(host->name, name, len) == 0;
}

/* Returns true for localhost and for every name below it. Clients resolve these names to loopback
 * addresses only (RFC 6761, 6.3). */
static bool is_loopback_name(const struct host *host)
{
    static const char name[] = ".localhost";
    size_t len = sizeof name - 1;
    return same_name(host, name + 1, len - 1) ||
           (host->len > len && strncasecmp(host->name + host->len - len, name, len) == 0);
}

static bool is_any(const struct in6_addr *address)
{
    static const struct in6_addr any_v4 = { .s6_addr = { [10] = 0xff, [11] = 0xff } };
    return IN6_IS_ADDR_UNSPECIFIED(address) || IN6_ARE_ADDR_EQUAL(address, &any_v4);
}

static bool is_own_address(const struct hosts *hosts, const struct host *host)
{
    struct in6_addr address;
    if (!host_address(host, &address))
        return false;
    if (IN6_IS_ADDR_LOOPBACK(&address) ||
        (IN6_IS_ADDR_V4MAPPED(&address) && address.s6_addr[12] == IN_LOOPBACKNET))
        return true;
    return IN6_ARE_ADDR_EQUAL(&address, &hosts->own) && !is_any(&address);
}

/* Returns the next item of a comma-separated list, from `at` on, and sets *len to its length.
 * Returns NULL at the end of the list. */
static const char *next_listed(const char *at, size_t *len)
{
    at += strspn(at, ", \t");
    *len = strcspn(at, ", \t");
    return *len > 0 ? at : NULL;
}

static bool is_listed(const struct hosts *hosts, const struct host *host)
{
    struct host one;
    size_t len;
    for (const char *at = hosts->listed; (at = next_listed(at, &len)) != NULL; at += len)
        if (host_read(at, len, &one) && same_name(host, one.name, one.len))
            return true;
    return false;
}

bool hosts_allow(const struct hosts *hosts, const struct host *host)
{
    struct host bare = *host;
    if (!bare.bracketed && bare.len > 1 && bare.name[bare.len - 1] == '.')
        bare.len--; /* drop the dot at the end of a fully qualified name */
    return !hosts->checked || is_loopback_name(&bare) || is_own_address(hosts, &bare) ||
           is_listed(hosts, &bare);
}

bool hosts_allow_origin(const struct hosts *hosts, const char *origin)
{
    struct host host;
    const char *named = strstr(origin, "://");
    if (!hosts->checked)
        return true;
    if (named == NULL)
        return false;
    named += strlen("://");
    return host_read(named, strlen(named), &host) && hosts_allow(hosts, &host);
}

bool http_hosts_check(const char *hosts, struct err *err)
{
    struct host host;
    size_t len;
    for (const char *at = hosts; (at = next_listed(at, &len)) != NULL; at += len) {
        bool named = host_read(at, len, &host) && len == host.len + (host.bracketed ? 2 : 0);
        if (named)
            continue;
        err_set(err, 0,
                "\"%.*s\" is no host: list names and addresses without a port, such as "
                "orders.example.com,192.0.2.7,[2001:db8::7]",
                (int)(len < 80 ? len : 80), at);
        return false;
    }
    return true;
}

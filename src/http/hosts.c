/* hosts.c - see hosts.h. */
#include "http/hosts.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/err.h"
#include "http/http.h"

enum { PORT_DIGITS_MAX = 5, PORT_MAX = 65535 };

#define ALPHA "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define HEX "0123456789ABCDEFabcdef"

/* unreserved and sub-delims of RFC 3986, without the comma */
static const char name_chars[] = ALPHA "0123456789-._~!$&'()*+;=";

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

/* ---- the grammar ---- */

static size_t name_length(const char *text, size_t len)
{
    size_t at = 0;
    while (at < len) {
        bool escaped = len - at > 2 && text[at] == '%' && is_one_of(text[at + 1], HEX) &&
                       is_one_of(text[at + 2], HEX);
        if (!escaped && !is_one_of(text[at], name_chars))
            break;
        at += escaped ? 3 : 1;
    }
    return at;
}

/* "v1.addr", which is kept for versions of IP to come. */
static bool is_future_address(const char *text, size_t len)
{
    size_t at = 1;
    if (len == 0 || (text[0] != 'v' && text[0] != 'V'))
        return false;
    while (at < len && is_one_of(text[at], HEX))
        at++;
    if (at == 1 || at + 1 >= len || text[at] != '.')
        return false;
    for (at++; at < len; at++)
        if (text[at] != ':' && !is_one_of(text[at], name_chars))
            return false;
    return true;
}

/* An IPv4 address is mapped into IPv6. */
static bool read_address(const struct host *host, struct in6_addr *out)
{
    char text[INET6_ADDRSTRLEN];
    if (host->len >= sizeof text)
        return false;
    memcpy(text, host->name, host->len);
    text[host->len] = '\0';
    if (host->bracketed)
        return inet_pton(AF_INET6, text, out) == 1;
    *out = (struct in6_addr){ .s6_addr = { [10] = 0xff, [11] = 0xff } };
    return inet_pton(AF_INET, text, out->s6_addr + 12) == 1;
}

/* Behind the name: nothing, or a colon and a port, which may be empty. */
static bool is_port(const char *text, size_t len)
{
    unsigned port = 0;
    if (len == 0)
        return true;
    if (text[0] != ':' || len > 1 + PORT_DIGITS_MAX)
        return false;
    for (size_t i = 1; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        port = port * 10 + (unsigned)(text[i] - '0');
    }
    return port <= PORT_MAX;
}

static bool read_bracketed(const char *text, size_t len, struct host *out)
{
    struct in6_addr address;
    const char *end = memchr(text, ']', len);
    if (end == NULL)
        return false;
    *out = (struct host){ text + 1, (size_t)(end - text - 1), true };
    return (read_address(out, &address) || is_future_address(out->name, out->len)) &&
           is_port(end + 1, len - out->len - 2);
}

bool host_read(const char *text, size_t len, struct host *out)
{
    if (len > 0 && text[0] == '[')
        return read_bracketed(text, len, out);
    *out = (struct host){ text, name_length(text, len), false };
    return is_port(text + out->len, len - out->len) && (out->len > 0 || len == 0);
}

const char *host_of_target(const char *target, size_t *len)
{
    static const char *const schemes[] = { "http://", "https://" };
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t scheme = strlen(schemes[i]);
        if (strncasecmp(target, schemes[i], scheme) != 0)
            continue;
        *len = strcspn(target + scheme, "/?#");
        return target + scheme;
    }
    return NULL;
}

/* ---- whom this server answers to ---- */

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

/* localhost, and every name below it: no name server can give them another address. */
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
    if (!read_address(host, &address))
        return false;
    if (IN6_IS_ADDR_LOOPBACK(&address) ||
        (IN6_IS_ADDR_V4MAPPED(&address) && address.s6_addr[12] == IN_LOOPBACKNET))
        return true;
    return IN6_ARE_ADDR_EQUAL(&address, &hosts->own) && !is_any(&address);
}

/* The next of a list with commas; NULL at its end. */
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
        bare.len--; /* of a name that is written to the root */
    return !hosts->checked || is_loopback_name(&bare) || is_own_address(hosts, &bare) ||
           is_listed(hosts, &bare);
}

bool hosts_allow_origin(const struct hosts *hosts, const char *origin)
{
    struct host host;
    const char *authority = strstr(origin, "://");
    if (!hosts->checked)
        return true;
    if (authority == NULL)
        return false;
    authority += strlen("://");
    return host_read(authority, strlen(authority), &host) && hosts_allow(hosts, &host);
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

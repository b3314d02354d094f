/* host.c - see host.h. */
#include "http/message/host.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

enum { PORT_DIGITS_MAX = 5, PORT_MAX = 65535 };

#define ALPHA "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define HEX "0123456789ABCDEFabcdef"

/* The characters of a name: unreserved and sub-delims of RFC 3986, without the comma. */
static const char name_chars[] = ALPHA "0123456789-._~!$&'()*+;=";

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

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

/* Returns true for an address such as "v1.addr". RFC 3986 keeps this form for future versions of
 * IP. */
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

bool host_address(const struct host *host, struct in6_addr *out)
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

/* Returns true if the text behind a name is empty, or is a colon and a port. The port may be
 * empty. */
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
    return (host_address(out, &address) || is_future_address(out->name, out->len)) &&
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

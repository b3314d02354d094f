/* target.c - see target.h. */
#include "http/message/target.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "http/message/host.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Returns the byte for which the percent-encoding at `at` stands, such as '/' for "%2F". Returns -1
 * if two hex digits do not follow the '%'. */
static int escaped_byte(const char *at)
{
    int high = hex_digit(at[1]);
    int low = high >= 0 ? hex_digit(at[2]) : -1;
    return low >= 0 ? high * 16 + low : -1;
}

static const char *escape_fault(const char *at, bool in_path)
{
    int byte = escaped_byte(at);
    if (byte < 0)
        return "The request target holds a % without two hex digits behind it; write it as %25.";
    if (byte == 0)
        return "The request target holds %00; no name here has a NUL.";
    if (byte == '/' && in_path)
        return "The path of the request target holds %2F; no segment here has a slash.";
    return NULL;
}

const char *target_fault(const char *target)
{
    size_t path_len = strcspn(target, "?"), len = 0;
    struct host host;
    const char *named = host_of_target(target, &len);
    if (named != NULL && !(len > 0 && host_read(named, len, &host)))
        return "The host of the request target cannot be read; it must be a name or an address, "
               "with or without a port.";
    for (const char *at = target; *at != '\0'; at++) {
        unsigned char c = (unsigned char)*at;
        const char *fault = c == '%' ? escape_fault(at, (size_t)(at - target) < path_len) : NULL;
        if (fault != NULL)
            return fault;
        if (c <= ' ' || c == 0x7f)
            return "The request target holds a blank or a control character; percent-encode it.";
    }
    return NULL;
}

const char *target_path(const char *target)
{
    size_t len = 0;
    const char *named = host_of_target(target, &len);
    if (named == NULL)
        return target;
    return named[len] == '/' ? named + len : "/";
}

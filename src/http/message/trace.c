/* trace.c - see trace.h. */
#include "http/message/trace.h"

#include <stddef.h>
#include <string.h>

enum { VERSION_LEN = 2, TRACE_ID_LEN = TRACE_ID_SIZE - 1, PARENT_ID_LEN = 16, FLAGS_LEN = 2 };

/* Takes a field of exactly `len` hex digits, and moves *at behind it. Returns false if the field
 * has another form. */
static bool take_hex(const char **at, size_t len)
{
    bool fits = strspn(*at, "0123456789abcdef") == len;
    *at += fits ? len : 0;
    return fits;
}

static bool take_dash(const char **at)
{
    return *(*at)++ == '-';
}

static bool all_zero(const char *digits, size_t len)
{
    return strspn(digits, "0") >= len;
}

bool trace_read(const char *traceparent, char out[TRACE_ID_SIZE])
{
    const char *at = traceparent, *version = at;
    if (!take_hex(&at, VERSION_LEN) || !take_dash(&at))
        return false;
    const char *trace_id = at;
    if (!take_hex(&at, TRACE_ID_LEN) || !take_dash(&at))
        return false;
    const char *parent_id = at;
    if (!take_hex(&at, PARENT_ID_LEN) || !take_dash(&at) || !take_hex(&at, FLAGS_LEN))
        return false;
    bool first = memcmp(version, "00", VERSION_LEN) == 0;
    bool ended = *at == '\0' || (!first && *at == '-');
    if (!ended || memcmp(version, "ff", VERSION_LEN) == 0 || all_zero(trace_id, TRACE_ID_LEN) ||
        all_zero(parent_id, PARENT_ID_LEN))
        return false;
    memcpy(out, trace_id, TRACE_ID_LEN);
    out[TRACE_ID_LEN] = '\0';
    return true;
}

/* raw_framing.c - see raw_framing.h. The functions read no byte outside of the header section,
 * which begins with the method and ends at raw->end. */
#include "http/message/raw_framing.h"

#include <microhttpd.h>
#include <string.h>

enum { LINE_END = 2 }; /* a line ends with CR and LF, and libmicrohttpd has written NUL over both */

bool raw_framing_is_shown(void)
{
    return strcmp(MHD_get_version(), "0.9.75") == 0;
}

/* Moves raw->at over the end of a line. libmicrohttpd has written two NULs over a CRLF. If raw->at
 * does not point to two NULs, the line did not end with CRLF: clears raw->whole. */
static void take_line_end(struct raw_framing *raw)
{
    if (!raw->whole)
        return;
    bool ended = raw->end - raw->at >= LINE_END && raw->at[0] == '\0' && raw->at[1] == '\0';
    raw->whole = ended;
    raw->at += ended ? LINE_END : 0;
}

struct raw_framing raw_framing_begin(struct MHD_Connection *mhd,
                                     const struct raw_framing_line *line)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    if (!raw_framing_is_shown() || info == NULL)
        return (struct raw_framing){ .whole = true };
    struct raw_framing raw = { .at = line->version + strlen(line->version),
                               .end = line->method + info->header_size };
    raw.whole = line->target == line->method + strlen(line->method) + 1 &&
                line->version == line->target_end + 1 && raw.at < raw.end;
    take_line_end(&raw);
    return raw;
}

static bool all_blank(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    return at == end;
}

void raw_framing_header(struct raw_framing *raw, const char *name, size_t len, const char *value,
                        size_t value_len)
{
    if (raw->end == NULL || !raw->whole)
        return;
    size_t left = (size_t)(raw->end - raw->at);
    raw->whole = name == raw->at && len > 0 && len < left && value > name + len &&
                 value < raw->end && value_len < (size_t)(raw->end - value) &&
                 all_blank(name + len + 1, value);
    raw->at = value + value_len;
    take_line_end(raw);
}

bool raw_framing_is_whole(const struct raw_framing *raw)
{
    return raw->whole && (raw->end == NULL || (raw->end - raw->at == LINE_END &&
                                               raw->at[0] == '\0' && raw->at[1] == '\0'));
}

/* framing.c - see framing.h. Reads no byte outside of [method, end), which is the section as it
 * came. */
#include "http/message/framing.h"

#include <microhttpd.h>
#include <string.h>

enum { LINE_END = 2 }; /* CR and LF, both written over with NUL */

bool wire_is_shown(void)
{
    return strcmp(MHD_get_version(), "0.9.75") == 0;
}

/* Stands behind a line: takes its end. */
static void take_line_end(struct wire *wire)
{
    if (!wire->whole)
        return;
    bool ended = wire->end - wire->at >= LINE_END && wire->at[0] == '\0' && wire->at[1] == '\0';
    wire->whole = ended;
    wire->at += ended ? LINE_END : 0;
}

struct wire wire_begin(struct MHD_Connection *mhd, const struct wire_line *line)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    if (!wire_is_shown() || info == NULL)
        return (struct wire){ .whole = true };
    struct wire wire = { .at = line->version + strlen(line->version),
                         .end = line->method + info->header_size };
    wire.whole = line->target == line->method + strlen(line->method) + 1 &&
                 line->version == line->target_end + 1 && wire.at < wire.end;
    take_line_end(&wire);
    return wire;
}

static bool all_blank(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    return at == end;
}

void wire_header(struct wire *wire, const char *name, size_t len, const char *value,
                 size_t value_len)
{
    if (wire->end == NULL || !wire->whole)
        return;
    size_t left = (size_t)(wire->end - wire->at);
    wire->whole = name == wire->at && len > 0 && len < left && value > name + len &&
                  value < wire->end && value_len < (size_t)(wire->end - value) &&
                  all_blank(name + len + 1, value);
    wire->at = value + value_len;
    take_line_end(wire);
}

bool wire_is_whole(const struct wire *wire)
{
    return wire->whole && (wire->end == NULL || (wire->end - wire->at == LINE_END &&
                                                 wire->at[0] == '\0' && wire->at[1] == '\0'));
}

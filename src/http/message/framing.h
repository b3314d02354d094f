/* framing.h - inside of the layer: does what libmicrohttpd shows of a header section account for
 * every byte that came?
 *
 * 0.9.75 takes a bare LF for the end of a line, and a line that begins with a colon for the end of
 * the headers; it shows a target and a value only up to a NUL in it, and appends a folded line to
 * the name before it, so that "Content-: 5" and " Length" become a Content-Length. None of that can
 * be told from the values. But it parses in place: names and values lie where they came, with NULs
 * for the bytes between them. So they must follow each other without a gap, from the method to the
 * end. Later versions parse otherwise, and refuse these by themselves: nothing is checked there.
 *
 * Only for the first call of the access handler. */
#ifndef HTTP_MESSAGE_FRAMING_H
#define HTTP_MESSAGE_FRAMING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct MHD_Connection;

struct wire {
    const char *at;  /* where the next header is to begin */
    const char *end; /* of the section, its empty line included; NULL: nothing is checked */
    bool whole;      /* so far */
};

/* The request line; the target as it came, to its first NUL. */
struct wire_line {
    const char *method, *target, *target_end, *version;
};

/* Is this libmicrohttpd the one that parses in place, and is anything checked? */
bool wire_is_shown(void) MUST_CHECK;

struct wire wire_begin(struct MHD_Connection *mhd, const struct wire_line *line) MUST_CHECK;

/* The next header, as MHD_get_connection_values_n() gives it. */
void wire_header(struct wire *wire, const char *name, size_t len, const char *value,
                 size_t value_len);

/* After the last header: have all bytes been seen? */
bool wire_is_whole(const struct wire *wire) MUST_CHECK;

#endif

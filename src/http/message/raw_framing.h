/* raw_framing.h - inside of the layer: checks that what libmicrohttpd shows of a header section
 * accounts for every byte that came.
 *
 * 0.9.75 takes a bare LF for the end of a line, and a line that begins with a colon for the end of
 * the headers. It shows a target and a value only up to a NUL in it, and appends a folded line to
 * the name before it, so that "Content-: 5" and " Length" become a Content-Length. The values do
 * not show that. But 0.9.75 parses in place: names and values lie where they came, with NULs for
 * the bytes between them. So they must follow each other without a gap, from the method to the end.
 * Later versions parse otherwise and reject such requests, so nothing is checked there.
 *
 * The functions may be called only in the first call of the access handler for a request. */
#ifndef HTTP_MESSAGE_RAW_FRAMING_H
#define HTTP_MESSAGE_RAW_FRAMING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct MHD_Connection;

struct raw_framing {
    const char *at;  /* where the next header must begin */
    const char *end; /* behind the empty line of the section; NULL: nothing is checked */
    bool whole;      /* no byte of the section is missing so far */
};

/* The parts of the request line. `target` is the target as it came, up to its first NUL, which is
 * at target_end. */
struct raw_framing_line {
    const char *method, *target, *target_end, *version;
};

/* Returns true if this libmicrohttpd is the version that parses in place, so that the section is
 * checked. */
bool raw_framing_is_shown(void) MUST_CHECK;

struct raw_framing raw_framing_begin(struct MHD_Connection *mhd,
                                     const struct raw_framing_line *line) MUST_CHECK;

/* Checks the next header, as MHD_get_connection_values_n() gives it. */
void raw_framing_header(struct raw_framing *raw, const char *name, size_t len, const char *value,
                        size_t value_len);

/* Returns true if all bytes of the section have been seen. Called after the last header. */
bool raw_framing_is_whole(const struct raw_framing *raw) MUST_CHECK;

#endif

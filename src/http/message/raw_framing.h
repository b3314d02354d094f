/* raw_framing.h - checks that no byte of a header section is missing in the names and values that
 * libmicrohttpd shows. Internal to http.
 *
 * libmicrohttpd 0.9.75 takes a bare LF for the end of a line, and a line that begins with a colon
 * for the end of the headers. It shows a target or a value only up to the first NUL. It appends a
 * folded line to the name, not to the value, of the header before it: the line "Content-: 5" and
 * the line " Length" become "Content-Length: 5".
 *
 * The names and values do not show what was skipped, but their addresses do: 0.9.75 parses in
 * place, so names and values stay where they arrived, with NULs in the place of spaces, colons and
 * line ends. From the method to the end of the section, only these NULs, and blanks before a value,
 * may lie between the names and values. Later versions of libmicrohttpd reject such requests, so
 * with them nothing is checked.
 *
 * raw_framing_is_shown() may be called at any time, all other functions only in the first
 * request_flow_access() of a request. */
#ifndef HTTP_MESSAGE_RAW_FRAMING_H
#define HTTP_MESSAGE_RAW_FRAMING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct MHD_Connection;

struct raw_framing {
    const char *at;  /* where the next header must begin */
    const char *end; /* behind the empty line of the section; NULL: nothing is checked */
    bool whole;      /* no gap was found so far */
};

/* The parts of the request line. `target` is the target as it came, up to its first NUL, which is
 * at target_end. */
struct raw_framing_line {
    const char *method, *target, *target_end, *version;
};

/* Returns true if this libmicrohttpd is 0.9.75; only then header sections are checked. */
bool raw_framing_is_shown(void) MUST_CHECK;

struct raw_framing raw_framing_begin(struct MHD_Connection *mhd,
                                     const struct raw_framing_line *line) MUST_CHECK;

/* Checks the next header, as MHD_get_connection_values_n() gives it. */
void raw_framing_header(struct raw_framing *raw, const char *name, size_t len, const char *value,
                        size_t value_len);

/* Returns true if no gap was found up to the end of the section. Called after the last header. */
bool raw_framing_is_whole(const struct raw_framing *raw) MUST_CHECK;

#endif

/* one_line.h - for files that hold a single value, such as a password, URL or key: removes what
 * editors and other systems put around the value. Any thread. */
#ifndef BASE_ONE_LINE_H
#define BASE_ONE_LINE_H

#include <stddef.h>

#include "base/attr.h"

enum { ONE_LINE_AROUND = 5 }; /* a byte order mark before the value, CR and LF after it */

/* Cuts a UTF-8 byte order mark at the beginning and one LF or CRLF at the end. The remainder moves
 * to the beginning of `text` and gets a NUL, for which text[*len] must be writable. Returns NULL,
 * or what is wrong with the file, as a predicate: "has a NUL byte in it". The text and *len may
 * then have changed too. */
const char *one_line_trim(char *text, size_t *len) MUST_CHECK;

#endif

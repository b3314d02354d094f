/* one_line.h - removes what editors and other systems put around the value in a file that holds a
 * single value, such as a password, a URL or a key. Any thread. */
#ifndef BASE_ONE_LINE_H
#define BASE_ONE_LINE_H

#include <stddef.h>

#include "base/attr.h"

enum { ONE_LINE_AROUND = 5 }; /* a byte order mark before the value, CR and LF after it */

/* Cuts a UTF-8 byte order mark at the beginning and one LF or CRLF at the end. The remainder moves
 * to the beginning of `text` and gets a NUL, for which text[*len] must be writable. Returns NULL if
 * the remainder is a valid value. Otherwise returns the words that follow "the file" in an error
 * text, such as "has a NUL byte in it". Text and *len may have changed in both cases. */
const char *one_line_trim(char *text, size_t *len) MUST_CHECK;

#endif

/* one_line.h - the one value that a file holds: a password, a URL, a key. Editors and other systems
 * put bytes around it that are not part of it. Any thread. */
#ifndef BASE_ONE_LINE_H
#define BASE_ONE_LINE_H

#include <stddef.h>

#include "base/attr.h"

enum { ONE_LINE_AROUND = 5 }; /* a byte order mark before the value, CR and LF behind it */

/* Cuts a UTF-8 byte order mark at the beginning and one LF or CRLF at the end; puts a NUL behind
 * what is left, which moves to the beginning of `text`. There must be room for the NUL at
 * text[*len]. NULL, or what is wrong with the file, to stand behind its name: "has a NUL byte in
 * it". Then *len and the text may have changed all the same. */
const char *one_line_trim(char *text, size_t *len) MUST_CHECK;

#endif

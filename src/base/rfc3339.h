/* rfc3339.h - moments as text: RFC 3339 in UTC, YYYY-MM-DDTHH:MM:SS[.fraction]Z, the years 0000 to
 * 9999. Own calendar arithmetic, since gmtime_r() and timegm() take glibc's time zone lock. */
#ifndef BASE_RFC3339_H
#define BASE_RFC3339_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

enum { RFC3339_SIZE = 28 }; /* six digits of fraction, and a NUL */

/* T and Z of either case, and for Z also +00:00 or -00:00; 1 to 9 digits of fraction (cut to
 * microseconds), real dates, no leap second, no other offset. Writes *out_us (Unix time) only when
 * true. */
bool rfc3339_parse_us(const char *text, int64_t *out_us) MUST_CHECK;

/* Always six digits of fraction; a moment outside the years is shown as the nearest one inside. */
void rfc3339_format_us(int64_t us, char out[RFC3339_SIZE]);

#endif

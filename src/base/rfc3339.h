/* rfc3339.h - parses and prints moments as RFC 3339 text in UTC, YYYY-MM-DDTHH:MM:SS[.fraction]Z,
 * years 0000 to 9999. It does not call gmtime_r() and timegm(), because they take glibc's time zone
 * lock. */
#ifndef BASE_RFC3339_H
#define BASE_RFC3339_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

enum { RFC3339_SIZE = 28 }; /* with six digits of fraction and a NUL */

/* Parses a moment. Accepts T and Z in either case, +00:00 and -00:00 in place of Z, and a fraction
 * of 1 to 9 digits, which is cut to microseconds. Rejects dates that do not exist, leap seconds and
 * other offsets. Writes *out_us (Unix time) only if it returns true. */
bool rfc3339_parse_us(const char *text, int64_t *out_us) MUST_CHECK;

/* Prints a moment, always with six digits of fraction. A moment outside the years 0000 to 9999 is
 * printed as the nearest one inside. */
void rfc3339_format_us(int64_t us, char out[RFC3339_SIZE]);

#endif

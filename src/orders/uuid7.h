/* uuid7.h - UUID version 7 (RFC 9562, 5.7): 48 bits of Unix milliseconds, a counter for each thread
 * that keeps the ids of one millisecond in order (6.2, method 1), and random bits from
 * getrandom(2). */
#ifndef ORDERS_UUID7_H
#define ORDERS_UUID7_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

/* Writes 36 characters and a NUL. Any thread: each has a state of its own. */
void uuid7_text(int64_t unix_ms, char out[37]);

/* Parses a UUID of any version, in upper or lower case, into 16 bytes. Returns false if the text is
 * no UUID. */
bool uuid_parse(const char *text, unsigned char out[16]) MUST_CHECK;

#endif

/* uuid7.h - UUID version 7 (RFC 9562, 5.7): 48 bits of Unix milliseconds, then per thread a counter
 * that keeps the ids of one millisecond in order (6.2, method 1), then random bits from
 * getrandom(2). */
#ifndef ORDERS_UUID7_H
#define ORDERS_UUID7_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

/* 36 characters and a NUL. Any thread: the state is the thread's own. */
void uuid7_text(int64_t unix_ms, char out[37]);

/* Is this a UUID in lower- or upper-case text (any version)? Writes its 16 bytes. */
bool uuid_parse(const char *text, unsigned char out[16]) MUST_CHECK;

#endif

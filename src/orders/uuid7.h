/* uuid7.h - makes UUIDs of version 7 (RFC 9562, 5.7): 48 bits of Unix milliseconds, a counter per
 * thread that makes the ids of one millisecond ascend (6.2, method 1), and random bits of
 * getrandom(2). */
#ifndef ORDERS_UUID7_H
#define ORDERS_UUID7_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

/* Writes a new id: 36 characters and a NUL. Any thread. */
void uuid7_text(int64_t unix_ms, char out[37]);

/* Writes the smallest UUID with this time, of any version. Every id of uuid7_text() with the same
 * or a later time is at least as large, and every id with an earlier time is smaller. */
void uuid7_smallest(int64_t unix_ms, char out[37]);

/* Returns the time of an id, in Unix milliseconds. */
int64_t uuid7_unix_ms(const unsigned char id[16]) MUST_CHECK;

/* Parses a UUID of any version, in upper or lower case, into 16 bytes. Returns false if the text is
 * not a UUID. */
bool uuid_parse(const char *text, unsigned char out[16]) MUST_CHECK;

#endif

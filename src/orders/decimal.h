/* decimal.h - checks decimals as text, never as a double: (0|[1-9][0-9]{0,17})(\.[0-9]{1,18})? */
#ifndef ORDERS_DECIMAL_H
#define ORDERS_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

/* Checks len bytes against the grammar above, and writes the canonical form (no trailing zeros, no
 * trailing point) with a NUL to `out`, which must have ORDER_DECIMAL_SIZE bytes. Returns false if
 * the bytes do not match the grammar. */
bool decimal_canonical(const char *text, size_t len, char *out) MUST_CHECK;

/* Returns true if the decimal, which must be canonical, is zero. */
bool decimal_is_zero(const char *canonical);

/* Returns the number of significant digits as written: 2 for "0.10". A double keeps up to 15 of a
 * decimal's significant digits. */
size_t decimal_digits(const char *text, size_t len);

#endif

/* decimal.h - a decimal as text: (0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?, never a double. */
#ifndef ORDERS_DECIMAL_H
#define ORDERS_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

/* Reads len bytes under that grammar and writes the canonical form (no trailing zeros, no trailing
 * point) with a NUL; out must hold ORDER_DECIMAL_SIZE bytes. False when the grammar refuses it. */
bool decimal_canonical(const char *text, size_t len, char *out) MUST_CHECK;

/* Of a canonical decimal: is it 0? */
bool decimal_is_zero(const char *canonical);

/* Digits that count, leading zeros aside, as written: "0.10" has 2. A double holds 15. */
size_t decimal_digits(const char *text, size_t len);

#endif

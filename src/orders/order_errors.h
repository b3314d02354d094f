/* order_errors.h - collects the field errors of one order document. */
#ifndef ORDERS_ORDER_ERRORS_H
#define ORDERS_ORDER_ERRORS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "orders/json_scan.h"
#include "orders/order.h"
#include "orders/order_codes.h"

struct order_errors {
    struct order_problem *problem; /* borrowed, may be NULL; untouched until the first error */
    size_t n;
    bool full; /* later errors are ignored, so the caller may stop */
};

/* Adds an error about `member`, or about the whole document if `member` is NULL. If
 * *errors->problem has ORDER_ERRORS_MAX errors already, sets errors->full, and replaces the last
 * error by one that says that there are more. If errors->problem is NULL, only counts the error and
 * sets errors->full. */
void order_errors_add(struct order_errors *errors, const char *member, enum order_code code,
                      const char *fmt, ...) PRINTF_LIKE(4, 5);

enum { ORDER_SHOWN_SIZE = 64 };

/* Writes the token for order_error.detail, or the beginning and the size of a long token. */
void order_errors_quote(struct json_token token, char out[ORDER_SHOWN_SIZE]);

/* Returns how many bytes of the text, at most max, can be kept without cutting a UTF-8
 * character. */
size_t order_errors_clip(const char *text, size_t len, size_t max);

#endif

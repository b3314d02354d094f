/* order_errors.h - collects the field errors of one document. */
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
    bool full; /* further errors change nothing, so the caller need not look for any */
};

/* Adds an error. A NULL member means the document. Beyond ORDER_ERRORS_MAX errors, the last one is
 * replaced by "there are more", and `full` is set. */
void order_errors_add(struct order_errors *errors, const char *member, enum order_code code,
                      const char *fmt, ...) PRINTF_LIKE(4, 5);

enum { ORDER_SHOWN_SIZE = 64 };

/* Writes the token for use in a detail: whole if it is short, else its beginning and its size. */
void order_errors_quote(struct json_token token, char out[ORDER_SHOWN_SIZE]);

/* Returns how many bytes of the text, at most max, can be kept without cutting a UTF-8
 * character. */
size_t order_errors_clip(const char *text, size_t len, size_t max);

#endif

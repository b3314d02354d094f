/* order_errors.h - the field errors of one document, gathered until all are known. */
#ifndef ORDERS_ORDER_ERRORS_H
#define ORDERS_ORDER_ERRORS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "orders/json_scan.h"
#include "orders/order.h"
#include "orders/order_codes.h"

struct order_errors {
    struct order_problem *problem; /* borrowed; not touched before the first error; may be NULL */
    size_t n;
    bool full; /* one more error would change nothing: the caller need not look for any */
};

/* The member may be NULL: the document itself. Past ORDER_ERRORS_MAX the last error gives way to
 * one that says that there are more, and the errors are full. */
void order_errors_add(struct order_errors *errors, const char *member, enum order_code code,
                      const char *fmt, ...) PRINTF_LIKE(4, 5);

enum { ORDER_SHOWN_SIZE = 64 };

/* The token as a detail quotes it: whole when short, else its beginning and its size. */
void order_errors_quote(struct json_token token, char out[ORDER_SHOWN_SIZE]);

/* At most max bytes of the text, and no half of a UTF-8 character. */
size_t order_errors_clip(const char *text, size_t len, size_t max);

#endif

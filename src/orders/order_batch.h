/* order_batch.h - finds the orders of a batch one by one in the body: a JSON array, or one order
 * per line (NDJSON). No document tree is built, so thousands of orders need the memory of one.
 *
 * These functions find where an element begins and ends, and check only the bytes between elements.
 * order_parse() checks the elements. So an array is valid JSON if order_batch_whole() returns true
 * and no element is ORDER_MALFORMED. If an element of an array, or a run of white space, has more
 * than ORDER_BYTES_MAX bytes, that is an error of the array, and reading stops there. For any
 * body, the functions read only the bytes of the body, never recurse, and take time linear in the
 * length of the body. */
#ifndef ORDERS_ORDER_BATCH_H
#define ORDERS_ORDER_BATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "orders/json_scan.h"

struct order_problem;

enum order_batch_form {
    ORDER_BATCH_ARRAY, /* application/json */
    ORDER_BATCH_LINES, /* application/x-ndjson; blank lines are skipped */
};

/* Only order_batch.c uses the members. */
struct order_batch {
    enum order_batch_form form;
    const char *begin, *at, *end; /* the body, borrowed; `at` is the next byte to read */
    bool inside;                  /* the opening bracket of the array has been read */
    bool over;                    /* order_batch_next() has returned false */
    const char *missing;          /* static: what was expected at `at`; NULL: no error */
    bool too_large;               /* an element, or white space, exceeds ORDER_BYTES_MAX */
};

/* The body is borrowed and must not change while the batch is read. It may be NULL if len is 0. A
 * struct order_batch owns nothing, so it is not freed. */
void order_batch_begin(struct order_batch *batch, enum order_batch_form form, const char *body,
                       size_t len);

/* Finds the next order and returns true. *item is then the order's bytes in the body, at least one,
 * without the white space around them. If a body of lines has more than ORDER_BYTES_MAX bytes of
 * white space before an order or at the end, *item is ORDER_BYTES_MAX + 1 bytes of this white
 * space, which order_parse() rejects as an order that is too large.
 *
 * At the end of the body and at a syntax error of the array, returns false and does not write
 * *item; all later calls return false too. Errors within an item are found by order_parse(), which
 * counts their offsets from item->at. */
bool order_batch_next(struct order_batch *batch, struct json_token *item) MUST_CHECK;

/* Returns true if the array was read to its end without an error. Lines have no syntax of their
 * own, so for lines the result is always true. If an array has an error, returns false and fills in
 * *problem as for ORDER_MALFORMED: code "not_an_array", "invalid_json", "nul_character" or
 * "order_too_large", and the offset in the body. Call it only after order_batch_next() has returned
 * false. */
bool order_batch_whole(const struct order_batch *batch, struct order_problem *problem) MUST_CHECK;

#endif

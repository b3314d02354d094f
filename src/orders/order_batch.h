/* order_batch.h - takes the orders of a batch one by one out of the body: a JSON array, or one
 * order per line (NDJSON). No document tree is built, so thousands of orders need the memory of
 * one.
 *
 * This file finds where an element begins and ends, and checks only the bytes between elements.
 * order_parse() checks the elements. So an array is valid JSON if order_batch_whole() is true and
 * no element is ORDER_MALFORMED. An element of more than ORDER_BYTES_MAX bytes, or as much white
 * space in a row, is an error of the array and is not read further. On any bytes, the functions
 * stay within them, never recurse, and take time linear in the body. */
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
    bool inside;                  /* the bracket that opens the array was read */
    bool over;                    /* order_batch_next() has returned false */
    const char *missing;          /* static: what was expected at `at`; NULL: no error */
    bool too_large;               /* an element, or white space, exceeds ORDER_BYTES_MAX */
};

/* The body must not change while the batch is read. It may be NULL if len is 0. There is nothing to
 * free. */
void order_batch_begin(struct order_batch *batch, enum order_batch_form form, const char *body,
                       size_t len);

/* Finds the next order. *item is its bytes in the body, at least one, without the white space
 * around it. Exception: in lines, more than ORDER_BYTES_MAX bytes of white space in a row are an
 * item, which order_parse() finds too large.
 *
 * Returns false at the end and at a syntax error of the array, does not write *item then, and
 * returns false ever after. An error within an item is left to order_parse(), whose offset counts
 * from item->at. */
bool order_batch_next(struct order_batch *batch, struct json_token *item) MUST_CHECK;

/* Returns true if the document was complete. Call it only after order_batch_next() has returned
 * false. If it returns false, it fills in *problem as for ORDER_MALFORMED: code "not_an_array",
 * "invalid_json", "nul_character" or "order_too_large", and the offset in the body. Lines are
 * always complete. */
bool order_batch_whole(const struct order_batch *batch, struct order_problem *problem) MUST_CHECK;

#endif

/* order_batch.h - the orders of a batch one by one, out of the body that holds them all: a JSON
 * array, or one order a line (NDJSON). The document is never built: thousands of orders cost the
 * memory of one.
 *
 * The slicer finds where an element begins and ends, and judges what is between them; what an
 * element is, order_parse() judges alone. An array is JSON when it is whole here and none of its
 * elements is ORDER_MALFORMED there. An element of more than ORDER_BYTES_MAX bytes, or
 * as much white space in a row, is a fault of the array, and not looked at any further. Over any
 * bytes it stays within them, never recurses, and takes time linear in the body. */
#ifndef ORDERS_ORDER_BATCH_H
#define ORDERS_ORDER_BATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "orders/json_scan.h"

struct order_problem;

enum order_batch_form {
    ORDER_BATCH_ARRAY, /* application/json */
    ORDER_BATCH_LINES, /* application/x-ndjson: blank lines are skipped, the last needs no LF */
};

/* The members are order_batch.c's own. */
struct order_batch {
    enum order_batch_form form;
    const char *begin, *at, *end; /* the body, borrowed; at: the next byte to read */
    bool inside;                  /* an array's bracket has been read */
    bool over;                    /* order_batch_next() has said false */
    const char *missing;          /* static: what `at` should have held; NULL: no fault */
    bool too_large;               /* what stands before `at` goes on beyond ORDER_BYTES_MAX */
};

/* The body must stay as it is while the batch is read; it may be NULL when len is 0. Nothing to
 * free. */
void order_batch_begin(struct order_batch *batch, enum order_batch_form form, const char *body,
                       size_t len);

/* The next order, in the order of the document: *item is its bytes, at least one, within the body,
 * without white space around them (but of lines, where more than ORDER_BYTES_MAX bytes of white
 * space in a row are an item that order_parse() finds too large). False at the end, and at a fault
 * of the array; then *item is not written, and every later call says false too. A fault within an
 * item is that item's own: order_parse() finds it, with an offset from item->at. */
bool order_batch_next(struct order_batch *batch, struct json_token *item) MUST_CHECK;

/* Only after order_batch_next() said false: was the document whole? If not, *problem says what is
 * wrong with it, as for ORDER_MALFORMED: "not_an_array", "invalid_json", "nul_character" or
 * "order_too_large", and the offset in the body. Lines are always whole. Writes *problem only when
 * it says false. */
bool order_batch_whole(const struct order_batch *batch, struct order_problem *problem) MUST_CHECK;

#endif

/* batch_bodies.h - bodies for POST /v1/orders/batch. The caller frees them. */
#ifndef BATCH_BODIES_H
#define BATCH_BODIES_H

#include <stddef.h>

#include "base/attr.h"

/* A JSON order of account ACC, written with ' in place of ". */
#define BATCH_ORDER(id, quantity)                                                                  \
    "{'client_order_id':'" id "','account_id':'ACC','symbol':'EURUSD','side':'buy','type':"        \
    "'market','quantity':'" quantity "'}"

/* An array of n valid orders with the ids PREFIX-0, PREFIX-1, ... */
char *batch_body(const char *prefix, size_t n) MUST_CHECK;

/* As batch_body(), but the order at `at` has this member, written with ', in place of its side. */
char *batch_body_with(const char *prefix, size_t n, size_t at, const char *member) MUST_CHECK;

/* An array that has the item n times. */
char *batch_body_repeated(const char *item, size_t n) MUST_CHECK;

#endif

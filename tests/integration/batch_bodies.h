/* batch_bodies.h - bodies for POST /v1/orders/batch. The caller frees what it is given. */
#ifndef BATCH_BODIES_H
#define BATCH_BODIES_H

#include <stddef.h>

#include "base/attr.h"

/* An order of account ACC, with ' for ". */
#define BATCH_ORDER(id, quantity)                                                                  \
    "{'client_order_id':'" id "','account_id':'ACC','symbol':'EURUSD','side':'buy','type':"        \
    "'market','quantity':'" quantity "'}"

/* n good orders as an array, their ids PREFIX-0, PREFIX-1, ... */
char *batch_body(const char *prefix, size_t n) MUST_CHECK;

/* The same, but the order at `at` has this member (with ' for ") in the place of its side. */
char *batch_body_with(const char *prefix, size_t n, size_t at, const char *member) MUST_CHECK;

/* n times the same item, as an array. */
char *batch_body_repeated(const char *item, size_t n) MUST_CHECK;

#endif

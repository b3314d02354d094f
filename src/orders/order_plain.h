/* order_plain.h - for src/orders only: parses the plain form in which nearly all orders come, in
 * one pass over the bytes and without memory from the heap.
 *
 * Plain is one object whose strings hold printable ASCII without escapes and whose numbers have no
 * sign and no exponent. Its only inner object is the metadata, which has few members and no object
 * or array. jansson accepts every plain document and decodes its strings to the same bytes; the
 * fuzz target order_parse compares both. */
#ifndef ORDERS_ORDER_PLAIN_H
#define ORDERS_ORDER_PLAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "orders/json_scan.h"
#include "orders/order_fields.h"

/* Parses the document into *draft, which must be zeroed. Returns true if the document is plain and
 * the order is valid. If it returns false, the order may still be valid, and the caller must parse
 * the document in the general way: so each error is found and described in one place only. */
bool order_plain_parse(struct json_token text, const char *idempotency_key, int64_t now_us,
                       struct order_draft *draft) MUST_CHECK;

/* The general way: parses a document of any form, with the results of order_parse() (order.h). */
enum order_rc order_parse_general(struct json_token text, const char *idempotency_key,
                                  struct order *out, struct order_problem *problem) MUST_CHECK;

#endif

/* reject.h - makes the problem documents that tell a client why a request, a body or an order is
 * rejected. The table of rejections is in statuses.c.
 *
 * Threads    reject_request() and reject_because(): the loop of the request. The others: any.
 * Ownership  A problem borrows its texts from its struct reject_text. */
#ifndef HANDLERS_REJECT_H
#define HANDLERS_REJECT_H

#include <stdint.h>

#include "base/buf.h"
#include "handlers/statuses.h"
#include "http/http.h"
#include "orders/order.h"

/* The texts of a problem that depend on the order, and so are not in the table of statuses.c. Fill
 * the struct with zeros before its use. */
struct reject_text {
    struct buf members;
    char detail[320];
};
void reject_text_fini(struct reject_text *text);

/* Answers the request with the problem of this rejection. If retry_after_ns is 0, Retry-After has
 * the value of the table in statuses.c. */
void reject_request(struct http_request *req, enum rejection rejection, int64_t retry_after_ns);

/* As reject_request(), with `detail` instead of the detail in the table of statuses.c. */
void reject_because(struct http_request *req, enum rejection rejection, const char *detail);

/* Returns the problem of a replay_only order (orders/order.h) that is not stored. If `text` is
 * NULL, the problem has no extension members. */
struct http_problem reject_replay_only(struct reject_text *text);

/* Returns the problem of a body for which order_parse() returned `rc`, which is not ORDER_OK. If
 * `text` is NULL, the problem has the detail in the table of statuses.c and no extension members,
 * and `found` is read only if rc is ORDER_MALFORMED. */
struct http_problem reject_document(enum order_rc rc, const struct order_problem *found,
                                    struct reject_text *text);

/* Returns the problem of a verdict that is neither ITEM_CREATED nor ITEM_REPLAYED, without the
 * detail and the members that are about this order. */
struct http_problem reject_verdict_kind(const struct ingest_item *item);

/* As reject_verdict_kind(), but with the detail and the members about this order. `text` keeps
 * them. */
struct http_problem reject_verdict(const struct ingest_item *item, struct reject_text *text);

/* Appends the detail and the members of a problem, each as a JSON member after a comma:
 * `,"a":1`. */
void reject_add_occurrence(struct buf *out, const struct http_problem *problem);

/* Returns why ingest_submit() did not take the orders. rc must not be INGEST_OK. */
enum rejection reject_submit_rc(enum ingest_rc rc);

#endif

/* reject.h - how a rejection is told to the client: the problem of a request, of a document that is
 * no order, and of an order by its verdict. statuses.c has the table of rejections.
 *
 * Threads    reject_request(), reject_because(): the loop of the request. The others: any.
 * Ownership  a problem borrows from its struct reject_text. */
#ifndef HANDLERS_REJECT_H
#define HANDLERS_REJECT_H

#include <stdint.h>

#include "base/buf.h"
#include "handlers/statuses.h"
#include "http/http.h"
#include "orders/order.h"

/* What a problem says of one occurrence. All zero at first. */
struct reject_text {
    struct buf members;
    char detail[320];
};
void reject_text_fini(struct reject_text *text);

/* Answers the request. retry_after_ns: 0 leaves what the table says. */
void reject_request(struct http_request *req, enum rejection rejection, int64_t retry_after_ns);

/* The same with a detail of this occurrence. */
void reject_because(struct http_request *req, enum rejection rejection, const char *detail);

/* The problem of a replay_only order (orders/order.h) that is not stored. text may be NULL. */
struct http_problem reject_replay_only(struct reject_text *text);

/* The problem of a document by the result of order_parse(), which is not ORDER_OK. Without
 * `text` it has no detail and no members, and `found` is read only if rc is ORDER_MALFORMED. */
struct http_problem reject_document(enum order_rc rc, const struct order_problem *found,
                                    struct reject_text *text);

/* The problem of a verdict that is no success, without the details of this occurrence. */
struct http_problem reject_verdict_kind(const struct ingest_item *item);

/* The problem of a verdict that is no success. */
struct http_problem reject_verdict(const struct ingest_item *item, struct reject_text *text);

/* Adds the detail and the members of a problem as JSON members: `,"a":1`. */
void reject_add_occurrence(struct buf *out, const struct http_problem *problem);

/* The rejection of an order that ingest_submit() has not taken; rc is not INGEST_OK. */
enum rejection reject_submit_rc(enum ingest_rc rc);

#endif

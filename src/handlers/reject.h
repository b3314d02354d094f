/* reject.h - tells a client why a request or an order is rejected: a problem for the request, for a
 * document that is no valid order, or for the verdict of an order. The table is in statuses.c.
 *
 * Threads    reject_request() and reject_because(): the loop of the request. The others: any.
 * Ownership  A problem borrows from its struct reject_text. */
#ifndef HANDLERS_REJECT_H
#define HANDLERS_REJECT_H

#include <stdint.h>

#include "base/buf.h"
#include "handlers/statuses.h"
#include "http/http.h"
#include "orders/order.h"

/* The texts of a problem that vary from one occurrence to the next. Start with zeros. */
struct reject_text {
    struct buf members;
    char detail[320];
};
void reject_text_fini(struct reject_text *text);

/* Answers the request with the problem of this rejection. If retry_after_ns is 0, the value of the
 * table in statuses.c counts. */
void reject_request(struct http_request *req, enum rejection rejection, int64_t retry_after_ns);

/* As reject_request(), with a detail for this occurrence. */
void reject_because(struct http_request *req, enum rejection rejection, const char *detail);

/* Returns the problem of a replay_only order (orders/order.h) that is not stored. `text` may be
 * NULL. */
struct http_problem reject_replay_only(struct reject_text *text);

/* Returns the problem of a document. `rc` is a result of order_parse() other than ORDER_OK. If
 * `text` is NULL, the problem has no detail and no members, and `found` is read only if rc is
 * ORDER_MALFORMED. */
struct http_problem reject_document(enum order_rc rc, const struct order_problem *found,
                                    struct reject_text *text);

/* Returns the problem of an unsuccessful verdict, without the details of this occurrence. */
struct http_problem reject_verdict_kind(const struct ingest_item *item);

/* Returns the problem of an unsuccessful verdict. */
struct http_problem reject_verdict(const struct ingest_item *item, struct reject_text *text);

/* Adds the detail and the members of a problem as JSON members: `,"a":1`. */
void reject_add_occurrence(struct buf *out, const struct http_problem *problem);

/* Returns the reason for which ingest_submit() did not take the order. rc must not be INGEST_OK. */
enum rejection reject_submit_rc(enum ingest_rc rc);

#endif

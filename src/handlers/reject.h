/* reject.h - the rejections of orders in words: of a request, of a document that is no order, of an
 * order by its verdict. The table of them is statuses.c's. */
#ifndef HANDLERS_REJECT_H
#define HANDLERS_REJECT_H

#include <stdint.h>

#include "base/buf.h"
#include "handlers/statuses.h"
#include "http/http.h"
#include "orders/order.h"

/* What a problem says of one occurrence; the problem borrows from it. Zeroed to begin with. */
struct reject_text {
    struct buf members;
    char detail[320];
};
void reject_text_fini(struct reject_text *text);

/* Answers the request. retry_after_ns: 0 leaves what the table says. */
void reject_request(struct http_request *req, enum rejection rejection, int64_t retry_after_ns);

/* The same with a detail of its own. */
void reject_because(struct http_request *req, enum rejection rejection, const char *detail);

/* An order that is good but for its metadata, and was not stored before. text may be NULL. */
struct http_problem reject_replay_only(struct reject_text *text);

/* Of what order_parse() made of a document; rc is not ORDER_OK. text may be NULL: then the problem
 * has no detail and no members of its own, and of an ORDER_INVALID `found` is not looked at. */
struct http_problem reject_document(enum order_rc rc, const struct order_problem *found,
                                    struct reject_text *text);

/* The problem of a verdict that is no success, without the details of this occurrence. */
struct http_problem reject_verdict_kind(const struct ingest_item *item);

/* Of a verdict that is no success. */
struct http_problem reject_verdict(const struct ingest_item *item, struct reject_text *text);

/* What a problem says of one occurrence, its detail and its members, as JSON members: `,"a":1`. */
void reject_add_occurrence(struct buf *out, const struct http_problem *problem);

/* Of ingest_submit(); rc is not INGEST_OK. */
enum rejection reject_submit_rc(enum ingest_rc rc);

#endif

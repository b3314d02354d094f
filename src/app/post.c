/* post.c - POST /v1/orders: read, queued, answered when its verdict or its deadline comes.
 *
 * A post is begun and answered on its loop; the offload thread reads a large one, a worker passes
 * it back. It lives until the worker is done with it, however the client was answered. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/admission.h"
#include "app/refuse.h"
#include "app/routes.h"
#include "app/ticket.h"
#include "app/wishes.h"

enum { ANSWER_MAX = 16 * 1024, ANSWER_BYTES = 1024 /* of an order, but for its metadata */ };

struct post {
    struct http_work reading; /* first: the loop gives this back */
    struct ticket ticket;
    struct http_request *req; /* NULL once it was answered */
    struct wishes wishes;
    const char *body, *idempotency_key; /* the request's */
    size_t len;
    enum order_rc rc;
    struct order_problem *problem; /* owned; unless rc is ORDER_OK or ORDER_NOMEM */
    struct budget_share held;      /* this post and its metadata */
};

static void post_free(struct post *post)
{
    ingest_item_fini(&post->ticket.item);
    free(post->problem);
    budget_share_end(&post->held);
    free(post);
}

/* ---- the answer ---- */

static void answer_brief(struct http_request *req, const struct order *order, bool replayed)
{
    struct buf body = BUF_INIT(ANSWER_MAX);
    order_render_brief(&body, order, replayed);
    http_add_header(req, "Preference-Applied", "return=minimal");
    http_answer(req, replayed ? 200 : 201, "application/json", &body);
}

static void answer_order(struct post *post, const struct order *order, bool replayed)
{
    struct http_request *req = post->req;
    char location[64];
    (void)snprintf(location, sizeof location, "/v1/orders/%s", order->order_id);
    if (replayed)
        http_add_header(req, "Idempotent-Replayed", "true");
    else
        http_add_header(req, "Location", location);
    if (post->wishes.minimal) {
        answer_brief(req, order, replayed);
        return;
    }
    struct buf body = BUF_INIT(ANSWER_MAX + order->metadata_len);
    (void)buf_reserve(&body, ANSWER_BYTES + order->metadata_len);
    order_render(&body, order, replayed);
    http_answer(req, replayed ? 200 : 201, "application/json", &body);
}

static void answer_refused(struct http_request *req, const struct ingest_item *item)
{
    struct refuse_text text = { .detail = "" };
    struct http_problem problem = refuse_verdict(item, &text);
    http_problem(req, &problem);
    refuse_text_fini(&text);
}

/* The stored order: equal by value to the one that was sent, but for what storing gave it. */
static void answer_replay(struct post *post)
{
    struct ingest_item *item = &post->ticket.item;
    struct order *order = &item->order;
    memcpy(order->order_id, item->put.stored.order_id, sizeof order->order_id);
    order->received_at_us = item->put.stored.received_at_us;
    answer_order(post, order, true);
}

static void settled(struct ticket *ticket)
{
    struct post *post = (struct post *)(void *)((char *)ticket - offsetof(struct post, ticket));
    const struct ingest_item *item = &ticket->item;
    ticket_count_verdict(ticket, post->req == NULL);
    if (post->req == NULL)
        ; /* at its deadline it was told what was known then */
    else if (item->verdict == ITEM_CREATED)
        answer_order(post, &item->order, false);
    else if (item->verdict == ITEM_REPLAYED)
        answer_replay(post);
    else
        answer_refused(post->req, item);
    post_free(post);
}

static void on_deadline(struct http_request *req, void *arg)
{
    struct post *post = arg;
    bool expired = ingest_expire(&post->ticket.item);
    post->req = NULL;
    refuse(req, expired ? REFUSE_COMMIT_TIMEOUT : REFUSE_COMMIT_UNKNOWN, 0);
}

/* ---- the way in ---- */

static void refuse_unread(struct post *post)
{
    struct refuse_text text = { .detail = "" };
    struct http_problem problem = refuse_document(post->rc, post->problem, &text);
    ticket_count(post->ticket.service, post->rc == ORDER_NOMEM ? RESULT_FAILED : RESULT_INVALID, 1);
    http_problem(post->req, &problem);
    refuse_text_fini(&text);
}

static void answer_valid(struct http_request *req, const struct order *order)
{
    struct refuse_text text = { .detail = "" };
    if (order->replay_only) {
        struct http_problem problem = refuse_replay_only(&text);
        http_problem(req, &problem);
        refuse_text_fini(&text);
        return;
    }
    struct buf body = BUF_INIT(ANSWER_MAX + order->metadata_len);
    order_render(&body, order, false);
    http_answer(req, 200, "application/json", &body);
}

/* True: the ingest has the order, and the request waits for it. */
static bool enqueue(struct post *post)
{
    struct service *service = post->ticket.service;
    struct ingest_item *item = &post->ticket.item;
    int64_t retry_after_ns = 0;
    if (!http_reserve(post->req, ANSWER_BYTES + item->order.metadata_len)) {
        ticket_count(service, RESULT_REFUSED_FULL, 1);
        refuse(post->req, REFUSE_OVERLOADED, 0);
        return false;
    }
    ticket_stamp(&post->ticket, http_received_at_ns(post->req));
    int64_t deadline_at_ns = item->deadline_at_ns; /* the item is not ours to read any more then */
    enum ingest_rc rc = ingest_submit(service->ingest, item, &retry_after_ns);
    if (rc != INGEST_OK) {
        ticket_count(service, RESULT_REFUSED_FULL, 1);
        refuse(post->req, refuse_admission(rc), retry_after_ns);
        return false;
    }
    http_deadline(post->req, deadline_at_ns, on_deadline, post);
    return true;
}

/* On the loop or the offload thread. One slice: jansson cannot pause; ORDER_BYTES_MAX bounds it. */
static bool read_order(struct http_work *work)
{
    struct post *post = (struct post *)work;
    struct order_problem found;
    post->rc =
        order_parse(post->body, post->len, post->idempotency_key, &post->ticket.item.order, &found);
    if (post->rc == ORDER_OK || post->rc == ORDER_NOMEM)
        return true;
    post->problem = malloc(sizeof found);
    if (post->problem != NULL)
        *post->problem = found;
    else
        post->rc = ORDER_NOMEM;
    return true;
}

static void go_on(struct http_completion *completion)
{
    struct post *post = (struct post *)(void *)completion;
    struct order *order = &post->ticket.item.order;
    http_body_done(post->req);
    if (post->reading.dropped) {
        ticket_count(post->ticket.service, RESULT_REFUSED_FULL, 1);
        http_overloaded(post->req);
    } else if (post->rc != ORDER_OK) {
        refuse_unread(post);
    } else if (!http_may_use(post->req, order->account_id)) {
        ticket_count(post->ticket.service, RESULT_INVALID, 1);
        refuse(post->req, REFUSE_FORBIDDEN, 0);
    } else if (post->wishes.validate_only) {
        answer_valid(post->req, order);
    } else if (enqueue(post)) {
        return;
    }
    post_free(post);
}

static void begin(struct post *post, struct http_request *req, struct service *service)
{
    post->reading.run = read_order;
    post->reading.done.finish = go_on;
    post->req = req;
    post->ticket.service = service;
    post->ticket.loop = http_loop_of(req);
    post->ticket.settled = settled;
    post->body = http_body(req, &post->len);
    post->idempotency_key = http_header(req, "Idempotency-Key");
}

/* NULL: the request was refused. */
static struct post *post_new(struct http_request *req, struct service *service)
{
    struct budget_share held = { .budget = &service->memory };
    size_t len;
    (void)http_body(req, &len);
    size_t metadata = len < ORDER_METADATA_MAX ? len : ORDER_METADATA_MAX;
    if (!budget_share_take(&held, sizeof(struct post) + metadata)) {
        ticket_count(service, RESULT_REFUSED_FULL, 1);
        refuse(req, REFUSE_OVERLOADED, 0);
        return NULL;
    }
    struct post *post = calloc(1, sizeof *post);
    if (post == NULL) {
        budget_share_end(&held);
        refuse(req, REFUSE_NO_MEMORY, 0);
        return NULL;
    }
    post->held = held;
    begin(post, req, service);
    return post;
}

void post_order(struct http_request *req, void *ctx)
{
    struct service *service = ctx;
    struct wishes wishes;
    if (!wishes_read(req, &wishes) || (!wishes.validate_only && !admits(service, req)))
        return;
    struct post *post = post_new(req, service);
    if (post == NULL)
        return;
    post->wishes = wishes;
    if (post->len > BODY_INLINE_MAX)
        http_offload(req, &post->reading);
    else if (http_offload_rest(req, &post->reading))
        go_on(&post->reading.done);
}

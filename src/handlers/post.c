/* post.c - handles POST /v1/orders: reads the order, queues it, and answers when its verdict or its
 * deadline comes.
 *
 * The loop of the request makes the struct post, and answers the request. The offload thread reads
 * a large body, and a worker of the ingest determines the verdict. If the client is answered at the
 * deadline, the struct post lives on until the ingest passes the order back. */
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "handlers/admission.h"
#include "handlers/handlers.h"
#include "handlers/preferences.h"
#include "handlers/reject.h"
#include "handlers/submission.h"

enum {
    ANSWER_MAX = 16 * 1024, /* limit of the buffer of an answer, without the order's metadata */
    /* The most bytes of one order in the answer, without its metadata. These bytes and a NUL fit
     * into 1024 bytes, the largest block for which malloc() has a cache. */
    ANSWER_BYTES = 1000,
    /* The loop itself reads a body of at most this many bytes. Such a body can hold a thousand
     * members, which take 200 us to read. The offload thread reads larger bodies. */
    READ_INLINE_MAX = 8 * 1024,
};

struct post {
    struct http_work reading; /* the loop calls reading.done.finish when the body is read */
    struct submission submission;
    struct http_request *req; /* NULL once the request is answered */
    struct preferences preferences;
    const char *body, *idempotency_key; /* borrowed from the request */
    size_t len;
    enum order_rc rc;
    struct order_problem *problem; /* owned; set if rc is neither ORDER_OK nor ORDER_NOMEM */
    struct budget_share held;      /* memory of this post and its metadata */
};

static void post_free(struct post *post)
{
    ingest_item_fini(&post->submission.item);
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

static void add_location(struct http_request *req, const struct order *order)
{
    char location[64];
    struct buf text = BUF_OVER(location);
    buf_add_str(&text, "/v1/orders/");
    buf_add_str(&text, order->order_id);
    http_add_header(req, "Location", location);
}

static void answer_order(struct post *post, const struct order *order, bool replayed)
{
    struct http_request *req = post->req;
    if (replayed)
        http_add_header(req, "Idempotent-Replayed", "true");
    else
        add_location(req, order);
    if (post->preferences.minimal) {
        answer_brief(req, order, replayed);
        return;
    }
    struct buf body = BUF_INIT(ANSWER_MAX + order->metadata_len);
    (void)buf_reserve(&body, ANSWER_BYTES + order->metadata_len);
    order_render(&body, order, replayed);
    http_answer(req, replayed ? 200 : 201, "application/json", &body);
}

static void answer_rejected(struct http_request *req, const struct ingest_item *item)
{
    struct reject_text text = { .detail = "" };
    struct http_problem problem = reject_verdict(item, &text);
    http_problem(req, &problem);
    reject_text_fini(&text);
}

/* Answers with the order from the request, because the stored order has the same content. Only
 * order_id, received_at and submitted_by may differ, so these are copied from the stored order. */
static void answer_replay(struct post *post)
{
    struct ingest_item *item = &post->submission.item;
    const struct order_stored *stored = ingest_item_stored(item);
    struct order *order = &item->order;
    memcpy(order->order_id, stored->order_id, sizeof order->order_id);
    order->received_at_us = stored->received_at_us;
    memcpy(order->submitted_by, stored->submitted_by, sizeof order->submitted_by);
    answer_order(post, order, true);
}

static void resolved(struct http_completion *completion)
{
    struct post *post = CONTAINER_OF(completion, struct post, submission.done);
    const struct ingest_item *item = &post->submission.item;
    submission_count_verdict(&post->submission, post->req);
    if (post->req == NULL)
        ; /* the client was answered at the deadline */
    else if (item->verdict == ITEM_CREATED)
        answer_order(post, &item->order, false);
    else if (item->verdict == ITEM_REPLAYED)
        answer_replay(post);
    else
        answer_rejected(post->req, item);
    post_free(post);
}

static void on_deadline(struct http_request *req, void *arg)
{
    struct post *post = arg;
    bool expired = ingest_expire(&post->submission.item);
    post->req = NULL;
    reject_request(req, expired ? REJECT_COMMIT_TIMEOUT : REJECT_COMMIT_UNKNOWN, 0);
}

/* ---- the request ---- */

static void reject_unread(struct post *post)
{
    struct reject_text text = { .detail = "" };
    struct http_problem problem = reject_document(post->rc, post->problem, &text);
    order_metrics_count(&post->submission.handlers->metrics,
                        post->rc == ORDER_NOMEM ? RESULT_FAILED : RESULT_INVALID, 1);
    http_problem(post->req, &problem);
    reject_text_fini(&text);
}

static void answer_valid(struct http_request *req, const struct order *order)
{
    struct reject_text text = { .detail = "" };
    if (order->replay_only) {
        struct http_problem problem = reject_replay_only(&text);
        http_problem(req, &problem);
        reject_text_fini(&text);
        return;
    }
    struct buf body = BUF_INIT(ANSWER_MAX + order->metadata_len);
    order_render(&body, order, false);
    http_answer(req, 200, "application/json", &body);
}

/* Submits the order. If there is no memory for the answer, or the ingest does not accept the order,
 * rejects the request and returns false. */
static bool enqueue(struct post *post)
{
    struct handlers *handlers = post->submission.handlers;
    struct ingest_item *item = &post->submission.item;
    struct fifo items = { NULL, NULL };
    int64_t retry_after_ns = 0;
    if (!http_reserve(post->req, ANSWER_BYTES + item->order.metadata_len)) {
        order_metrics_count(&handlers->metrics, RESULT_REFUSED_FULL, 1);
        reject_request(post->req, REJECT_OVERLOADED, 0);
        return false;
    }
    submission_stamp(&post->submission, post->req);
    item->client_hash = http_client_hash(post->req);
    int64_t deadline_at_ns = item->deadline_at_ns; /* read before the ingest owns the item */
    fifo_push(&items, &item->link);
    enum ingest_rc rc = ingest_submit(handlers->ingest, &items, &retry_after_ns);
    if (rc != INGEST_OK) {
        order_metrics_count(&handlers->metrics, RESULT_REFUSED_FULL, 1);
        reject_request(post->req, reject_submit_rc(rc), retry_after_ns);
        return false;
    }
    http_deadline(post->req, deadline_at_ns, on_deadline, post);
    return true;
}

/* Reads the order, on the loop or the offload thread. The whole order is read in one slice, because
 * jansson cannot be interrupted. That slice is short, because an order has at most ORDER_BYTES_MAX
 * bytes. */
static bool read_order(struct http_work *work)
{
    struct post *post = CONTAINER_OF(work, struct post, reading);
    struct order_problem found;
    post->rc = order_parse(post->body, post->len, post->idempotency_key,
                           &post->submission.item.order, &found);
    if (post->rc == ORDER_OK || post->rc == ORDER_NOMEM)
        return true;
    post->problem = malloc(sizeof found);
    if (post->problem != NULL)
        *post->problem = found;
    else
        post->rc = ORDER_NOMEM;
    return true;
}

static void on_read(struct http_completion *completion)
{
    struct post *post = CONTAINER_OF(completion, struct post, reading.done);
    struct order *order = &post->submission.item.order;
    http_body_done(post->req);
    if (post->reading.dropped) {
        order_metrics_count(&post->submission.handlers->metrics, RESULT_REFUSED_FULL, 1);
        http_overloaded(post->req);
    } else if (post->rc != ORDER_OK) {
        reject_unread(post);
    } else if (!http_may_use(post->req, order->account_id)) {
        order_metrics_count(&post->submission.handlers->metrics, RESULT_INVALID, 1);
        reject_request(post->req, REJECT_FORBIDDEN, 0);
    } else if (post->preferences.validate_only) {
        answer_valid(post->req, order);
    } else if (enqueue(post)) {
        return;
    }
    post_free(post);
}

/* Makes the struct of a POST. If there is no memory, rejects the request and returns NULL. */
static struct post *post_new(struct http_request *req, struct handlers *handlers)
{
    struct budget_share held = { .budget = handlers->memory };
    size_t len;
    const char *body = http_body(req, &len);
    size_t metadata = len < ORDER_METADATA_MAX ? len : ORDER_METADATA_MAX;
    if (!budget_share_take(&held, sizeof(struct post) + sizeof(struct err) + metadata)) {
        order_metrics_count(&handlers->metrics, RESULT_REFUSED_FULL, 1);
        reject_request(req, REJECT_OVERLOADED, 0);
        return NULL;
    }
    struct post *post = malloc(sizeof *post);
    if (post == NULL) {
        budget_share_end(&held);
        reject_request(req, REJECT_NO_MEMORY, 0);
        return NULL;
    }
    *post = (struct post){
        .held = held,
        .reading = { .do_slice = read_order, .done.finish = on_read },
        .req = req,
        .submission = { .handlers = handlers, .loop = http_loop_of(req), .done.finish = resolved },
        .body = body,
        .len = len,
        .idempotency_key = http_header(req, "Idempotency-Key"),
    };
    return post;
}

void handlers_post_order(struct http_request *req, void *ctx)
{
    struct handlers *handlers = ctx;
    struct preferences preferences;
    if (!preferences_read(req, &preferences) ||
        (!preferences.validate_only && !admission_check(handlers, req)))
        return;
    struct post *post = post_new(req, handlers);
    if (post == NULL)
        return;
    post->preferences = preferences;
    if (post->len > READ_INLINE_MAX) {
        http_offload(req, &post->reading);
    } else {
        (void)read_order(&post->reading);
        on_read(&post->reading.done);
    }
}

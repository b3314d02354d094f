/* post.c - POST /v1/orders: read, queued, answered when its verdict or its deadline comes.
 *
 * A post is begun and answered on its loop; a worker only passes it back. It lives until the worker
 * is done with it, however the client was answered: an order that was sent has a verdict, and it is
 * counted. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/http_map.h"
#include "app/routes.h"
#include "app/service.h"
#include "base/clock.h"
#include "ingest/ingest.h"

enum { ANSWER_MAX = 16 * 1024 };

struct post {
    struct http_completion done; /* first: the loop gives this back */
    struct service *service;
    struct http_request *req; /* NULL once it was answered */
    struct http_loop *loop;
    struct ingest_item item;
};

static void count(struct service *service, enum order_result result)
{
    counter_add(&service->orders[result], 1);
}

static void refuse(struct http_request *req, enum order_refusal refusal, int64_t retry_after_ns)
{
    struct http_problem problem = http_map_problem(refusal);
    if (retry_after_ns > 0)
        problem.retry_after_ns = retry_after_ns;
    http_problem(req, &problem);
}

/* ---- refusals with something to say ---- */

static void refuse_fields(struct http_request *req, const struct order_problem *found)
{
    struct http_problem problem = http_map_problem(REFUSE_INVALID);
    struct buf members = BUF_INIT(ANSWER_MAX);
    buf_add_str(&members, "\"errors\":[");
    for (size_t i = 0; i < found->n_errors; i++) {
        const struct order_error *error = &found->errors[i];
        buf_add_str(&members, i > 0 ? ",{\"pointer\":" : "{\"pointer\":");
        buf_add_json(&members, error->pointer);
        buf_add_str(&members, ",\"code\":");
        buf_add_json(&members, error->code);
        buf_add_str(&members, ",\"detail\":");
        buf_add_json(&members, error->detail);
        buf_add_char(&members, '}');
        if (strcmp(error->code, "idempotency_key_mismatch") == 0)
            problem.status =
                400; /* header and body disagree: the request is at fault, not a field */
    }
    buf_add_char(&members, ']');
    problem.members = members.failed ? NULL : members.data;
    http_problem(req, &problem);
    buf_fini(&members);
}

static void refuse_unread(struct http_request *req, enum order_rc rc,
                          const struct order_problem *found)
{
    struct http_problem problem = http_map_problem(REFUSE_MALFORMED);
    switch (rc) {
    case ORDER_INVALID:
        refuse_fields(req, found);
        return;
    case ORDER_MALFORMED:
        problem.code = found->code;
        problem.detail = found->detail;
        problem.offset = found->offset;
        http_problem(req, &problem);
        return;
    case ORDER_NOMEM:
    case ORDER_OK:
        refuse(req, REFUSE_NO_MEMORY, 0);
        return;
    }
}

static void refuse_reused(struct http_request *req, const struct ingest_item *item)
{
    struct http_problem problem = http_map_problem(REFUSE_REUSED);
    struct buf members = BUF_INIT(ANSWER_MAX);
    buf_add_str(&members, "\"order_id\":");
    buf_add_json(&members, item->put.stored.order_id);
    buf_add_str(&members, ",\"differing_fields\":");
    order_diff_render(&members, item->put.diff);
    problem.members = members.failed ? NULL : members.data;
    http_problem(req, &problem);
    buf_fini(&members);
}

static void refuse_by_database(struct http_request *req, const struct ingest_item *item)
{
    struct http_problem problem = http_map_problem(REFUSE_BY_DATABASE);
    char detail[320], members[32];
    (void)snprintf(detail, sizeof detail, "SQLSTATE %s: %s", item->err.code, item->err.text);
    (void)snprintf(members, sizeof members, "\"sqlstate\":\"%s\"", item->err.code);
    problem.detail = detail;
    problem.members = members;
    http_problem(req, &problem);
}

/* ---- the answer ---- */

static void answer_order(struct http_request *req, const struct order *order, bool replayed)
{
    struct buf body = BUF_INIT(ANSWER_MAX + order->metadata_len);
    order_render(&body, order, replayed);
    if (replayed) {
        http_add_header(req, "Idempotent-Replayed", "true");
    } else {
        char location[64];
        (void)snprintf(location, sizeof location, "/v1/orders/%s", order->order_id);
        http_add_header(req, "Location", location);
    }
    http_answer(req, replayed ? 200 : 201, "application/json", &body);
}

static void answer(struct http_request *req, struct post *post)
{
    const struct ingest_item *item = &post->item;
    switch (item->verdict) {
    case ITEM_CREATED:
        histogram_observe(&post->service->commit_duration, clock_now_ns() - item->received_at_ns);
        answer_order(req, &item->order, false);
        return;
    case ITEM_REPLAYED:
        answer_order(req, &item->put.stored, true);
        return;
    case ITEM_REUSED:
        refuse_reused(req, item);
        return;
    case ITEM_REFUSED:
        refuse_by_database(req, item);
        return;
    case ITEM_UNAVAILABLE:
        refuse(req, REFUSE_DATABASE_DOWN,
               item->err.retry_after_ns > 0 ? item->err.retry_after_ns : NS_PER_S);
        return;
    case ITEM_STALE:
    case ITEM_FAILED:
    case ITEM_TIMED_OUT:
    case ITEM_UNKNOWN:
        refuse(req, http_map_verdict(item->verdict), 0);
        return;
    }
}

/* An order that was answered 504 counts by what came of it afterwards. */
static enum order_result result_of(const struct post *post)
{
    bool stored = post->item.verdict == ITEM_CREATED || post->item.verdict == ITEM_REPLAYED;
    bool gave_up = post->req == NULL && atomic_load(&post->item.state) == ITEM_SENT;
    if (gave_up)
        return stored ? RESULT_LATE : RESULT_UNKNOWN;
    return http_map_result(post->item.verdict);
}

static void finish(struct http_completion *completion)
{
    struct post *post = (struct post *)completion;
    count(post->service, result_of(post));
    if (post->req != NULL)
        answer(post->req, post);
    ingest_item_fini(&post->item);
    free(post);
}

/* Gives the loop of the first item all that is its own; the items of other loops are left. */
static struct ingest_item *complete_one_loop(struct ingest_item *first)
{
    struct http_loop *loop = ((struct post *)first->owner)->loop;
    struct http_completion *list = NULL, **tail = &list;
    struct ingest_item *others = NULL, **others_tail = &others;
    for (struct ingest_item *item = first; item != NULL; item = item->next) {
        struct post *post = item->owner;
        if (post->loop == loop) {
            *tail = &post->done;
            tail = &post->done.next;
        } else {
            *others_tail = item;
            others_tail = &item->next;
        }
    }
    *tail = NULL;
    *others_tail = NULL;
    http_complete(loop, list);
    return others;
}

void routes_on_done(void *service, struct ingest_item *first)
{
    (void)service;
    while (first != NULL)
        first = complete_one_loop(first);
}

static void on_deadline(struct http_request *req, void *arg)
{
    struct post *post = arg;
    bool expired = ingest_expire(&post->item);
    post->req = NULL;
    refuse(req, expired ? REFUSE_COMMIT_TIMEOUT : REFUSE_COMMIT_UNKNOWN, 0);
}

/* ---- the way in ---- */

/* ?validate_only=true: judged, and nothing stored. False: refused for another value. */
static bool read_wish(struct http_request *req, bool *validate_only)
{
    size_t n = 0;
    const char *text = http_query(req, "validate_only", &n);
    *validate_only = text != NULL && strcmp(text, "true") == 0;
    if (text == NULL || (n == 1 && (*validate_only || strcmp(text, "false") == 0)))
        return true;
    struct http_problem problem = http_map_problem(REFUSE_BAD_QUERY);
    problem.detail = "validate_only is true or false, and given once.";
    problem.outcome = "not_accepted";
    http_problem(req, &problem);
    return false;
}

static void answer_valid(struct http_request *req, const struct order *order)
{
    struct buf body = BUF_INIT(ANSWER_MAX + order->metadata_len);
    order_render(&body, order, false);
    http_answer(req, 200, "application/json", &body);
}

static bool admits(struct service *service, struct http_request *req)
{
    int64_t retry_in_ns = 0;
    if (pqpool_is_down(service->pool, &retry_in_ns)) {
        count(service, RESULT_UNAVAILABLE);
        refuse(req, REFUSE_DATABASE_DOWN, retry_in_ns > 0 ? retry_in_ns : NS_PER_S);
        return false;
    }
    if (!atomic_load_explicit(&service->migrated, memory_order_acquire)) {
        count(service, RESULT_UNAVAILABLE);
        refuse(req, REFUSE_STARTING, 0);
        return false;
    }
    return true;
}

static bool read_order(struct http_request *req, struct service *service, struct post *post)
{
    struct order_problem found;
    size_t len;
    const char *body = http_body(req, &len);
    enum order_rc rc =
        order_parse(body, len, http_header(req, "Idempotency-Key"), &post->item.order, &found);
    if (rc == ORDER_OK)
        return true;
    count(service, rc == ORDER_NOMEM ? RESULT_FAILED : RESULT_INVALID);
    refuse_unread(req, rc, &found);
    return false;
}

static bool submit(struct http_request *req, struct service *service, struct post *post)
{
    int64_t retry_after_ns = 0;
    enum order_refusal why = REFUSE_QUEUE_FULL;
    switch (ingest_submit(service->ingest, &post->item, &retry_after_ns)) {
    case INGEST_OK:
        return true;
    case INGEST_FULL:
        break;
    case INGEST_SLOW:
        why = REFUSE_QUEUE_SLOW;
        break;
    case INGEST_CLOSED:
        why = REFUSE_DRAINING;
        break;
    }
    count(service, RESULT_REFUSED_FULL);
    refuse(req, why, retry_after_ns);
    return false;
}

/* True: the item is the worker's, and the request waits for it. */
static bool enqueue(struct http_request *req, struct service *service, struct post *post)
{
    struct ingest_item *item = &post->item;
    order_stamp(&item->order, clock_wall_us());
    item->owner = post;
    item->received_at_ns = http_received_at_ns(req);
    item->deadline_at_ns = item->received_at_ns + service->options.orders_commit_timeout_ns;
    int64_t deadline_at_ns = item->deadline_at_ns; /* the item is not ours to read any more then */
    if (!submit(req, service, post))
        return false;
    http_deadline(req, deadline_at_ns, on_deadline, post);
    return true;
}

void post_order(struct http_request *req, void *ctx)
{
    struct service *service = ctx;
    bool validate_only;
    if (!read_wish(req, &validate_only) || (!validate_only && !admits(service, req)))
        return;
    struct post *post = calloc(1, sizeof *post);
    if (post == NULL) {
        refuse(req, REFUSE_NO_MEMORY, 0);
        return;
    }
    post->done.finish = finish;
    post->service = service;
    post->req = req;
    post->loop = http_loop_of(req);
    if (read_order(req, service, post)) {
        if (validate_only)
            answer_valid(req, &post->item.order);
        else if (enqueue(req, service, post))
            return;
    }
    ingest_item_fini(&post->item);
    free(post);
}

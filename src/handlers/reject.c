/* reject.c - makes the problem documents of rejections. */
#include "handlers/reject.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "orders/order_codes.h"

enum { MEMBERS_MAX = 16 * 1024 };

void reject_text_fini(struct reject_text *text)
{
    buf_fini(&text->members);
}

void reject_request(struct http_request *req, enum rejection rejection, int64_t retry_after_ns)
{
    struct http_problem problem = statuses_problem(rejection);
    if (retry_after_ns > 0)
        problem.retry_after_ns = retry_after_ns;
    http_problem(req, &problem);
}

void reject_because(struct http_request *req, enum rejection rejection, const char *detail)
{
    struct http_problem problem = statuses_problem(rejection);
    problem.detail = detail;
    http_problem(req, &problem);
}

static void begin_members(struct reject_text *text)
{
    buf_fini(&text->members);
    text->members = BUF_INIT(MEMBERS_MAX);
}

static const char *members_of(const struct reject_text *text)
{
    return text->members.failed ? NULL : text->members.data;
}

/* ---- what could not be read ---- */

static void add_error(struct buf *out, const struct order_error *error)
{
    buf_add_str(out, "{\"pointer\":");
    buf_add_json(out, error->pointer);
    buf_add_str(out, ",\"code\":");
    buf_add_json(out, error->code);
    buf_add_str(out, ",\"detail\":");
    buf_add_json(out, error->detail);
    buf_add_char(out, '}');
}

static struct http_problem of_fields(const struct order_problem *found, struct reject_text *text)
{
    const char *mismatch = order_codes[ORDER_CODE_IDEMPOTENCY_KEY_MISMATCH].code;
    struct http_problem problem = statuses_problem(REJECT_INVALID);
    if (text == NULL)
        return problem;
    begin_members(text);
    for (size_t i = 0; i < found->n_errors; i++) {
        buf_add_str(&text->members, i > 0 ? "," : "\"errors\":[");
        add_error(&text->members, &found->errors[i]);
        if (strcmp(found->errors[i].code, mismatch) == 0)
            problem = statuses_problem(REJECT_DISAGREEING);
    }
    buf_add_char(&text->members, ']');
    problem.members = members_of(text);
    return problem;
}

static struct http_problem of_syntax(const struct order_problem *found, struct reject_text *text)
{
    struct http_problem problem = statuses_problem(REJECT_MALFORMED);
    if (text != NULL) {
        (void)snprintf(text->detail, sizeof text->detail, "%s", found->detail);
        problem.detail = text->detail;
    }
    problem.code = found->code;
    problem.offset = found->offset;
    return problem;
}

struct http_problem reject_document(enum order_rc rc, const struct order_problem *found,
                                    struct reject_text *text)
{
    switch (rc) {
    case ORDER_INVALID:
        return of_fields(found, text);
    case ORDER_MALFORMED:
        return of_syntax(found, text);
    case ORDER_NOMEM:
    case ORDER_OK:
        break;
    }
    return statuses_problem(REJECT_NO_MEMORY);
}

struct http_problem reject_replay_only(struct reject_text *text)
{
    struct order_problem found;
    order_reject_replay_only(&found);
    return of_fields(&found, text);
}

/* ---- verdicts ---- */

static struct http_problem of_reuse(const struct ingest_item *item, struct reject_text *text)
{
    struct http_problem problem = statuses_problem(REJECT_REUSED);
    begin_members(text);
    /* The other order with this key has no order_id if it is a twin of this one: an atomic batch
     * with such twins is not stored. */
    if (ingest_item_stored(item)->order_id[0] != '\0') {
        buf_add_str(&text->members, "\"order_id\":");
        buf_add_json(&text->members, ingest_item_stored(item)->order_id);
        buf_add_char(&text->members, ',');
    }
    buf_add_str(&text->members, "\"differing_fields\":");
    order_diff_render(&text->members, ingest_item_diff(item));
    problem.members = members_of(text);
    return problem;
}

static const char *sqlstate_member(const struct ingest_item *item, struct reject_text *text)
{
    begin_members(text);
    buf_add_str(&text->members, "\"sqlstate\":");
    buf_add_json(&text->members, ingest_item_err(item)->code);
    return members_of(text);
}

/* Returns the problem of an order that the database rejected. The sender of the order may see the
 * database's message, because it can only be about this order. */
static struct http_problem of_database(const struct ingest_item *item, struct reject_text *text)
{
    struct http_problem problem = statuses_problem(REJECT_BY_DATABASE);
    const struct err *err = ingest_item_err(item);
    (void)snprintf(text->detail, sizeof text->detail, "SQLSTATE %s: %s", err->code, err->text);
    problem.detail = text->detail;
    problem.members = sqlstate_member(item, text);
    return problem;
}

/* Returns the problem of an order that could not be stored because of a fault of the database. The
 * problem leaves out the database's message, which may be about another order of the group. */
static struct http_problem of_database_fault(const struct ingest_item *item,
                                             struct reject_text *text)
{
    struct http_problem problem = statuses_problem(REJECT_DATABASE_FAULT);
    problem.members = sqlstate_member(item, text);
    return problem;
}

struct http_problem reject_verdict_kind(const struct ingest_item *item)
{
    struct http_problem problem = statuses_problem(statuses_rejection(item->verdict));
    const int64_t retry_after_ns = ingest_item_err(item)->retry_after_ns;
    if (item->verdict == ITEM_UNAVAILABLE)
        problem.retry_after_ns = retry_after_ns > 0 ? retry_after_ns : NS_PER_S;
    return problem;
}

struct http_problem reject_verdict(const struct ingest_item *item, struct reject_text *text)
{
    switch (item->verdict) {
    case ITEM_REUSED:
        return of_reuse(item, text);
    case ITEM_REFUSED:
        return of_database(item, text);
    case ITEM_DATABASE_FAULT:
        return of_database_fault(item, text);
    case ITEM_INVALID:
        return reject_replay_only(text);
    case ITEM_UNAVAILABLE:
    case ITEM_CREATED:
    case ITEM_REPLAYED:
    case ITEM_STALE:
    case ITEM_BATCH_REFUSED:
    case ITEM_FAILED:
    case ITEM_TIMED_OUT:
    case ITEM_UNKNOWN:
        break;
    }
    return reject_verdict_kind(item);
}

void reject_add_occurrence(struct buf *out, const struct http_problem *problem)
{
    if (problem->detail != NULL) {
        buf_add_str(out, ",\"detail\":");
        buf_add_json(out, problem->detail);
    }
    if (problem->members != NULL) {
        buf_add_char(out, ',');
        buf_add_str(out, problem->members);
    }
}

enum rejection reject_submit_rc(enum ingest_rc rc)
{
    switch (rc) {
    case INGEST_SLOW:
        return REJECT_QUEUE_SLOW;
    case INGEST_CLOSED:
        return REJECT_DRAINING;
    case INGEST_FULL:
    case INGEST_OK:
        break;
    }
    return REJECT_QUEUE_FULL;
}

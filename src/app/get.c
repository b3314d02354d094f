/* get.c - reading orders back: by order_id, and by account and client ids. A lookup waits on the
 * reader's threads, never on the loop. */
#include <stdlib.h>
#include <string.h>

#include "app/refuse.h"
#include "app/routes.h"
#include "app/service.h"
#include "base/clock.h"
#include "base/log.h"
#include "ingest/reader.h"
#include "orders/uuid7.h"

enum { ANSWER_MAX = 16 * 1024, ORDER_MAX = 1024, IDS_MAX = READER_KEYS_MAX * ORDER_NAME_SIZE };

struct get {
    struct http_completion done; /* first: the loop gives this back */
    struct http_request *req;
    struct http_loop *loop;
    struct lookup lookup;
    char account_id[ORDER_NAME_SIZE];
    char *ids; /* owned: the client ids, each with its NUL */
    struct order_key keys[READER_KEYS_MAX];
    size_t n_found;       /* room in found */
    struct order found[]; /* one a key */
};

static void get_free(struct get *get)
{
    for (size_t i = 0; i < get->n_found; i++)
        order_fini(&get->found[i]);
    free(get->ids);
    free(get);
}

static void refuse_account(struct http_request *req)
{
    struct http_problem problem = http_map_problem(REFUSE_FORBIDDEN);
    problem.outcome = NULL; /* a GET */
    http_problem(req, &problem);
}

/* ---- answers, on the loop ---- */

/* jsonb may show metadata longer than it came: its numbers have all their digits. */
static size_t answer_max(const struct get *get)
{
    size_t bytes = ANSWER_MAX;
    for (size_t i = 0; i < get->n_found; i++)
        bytes += ORDER_MAX + get->found[i].metadata_len;
    return bytes;
}

/* What the key may not see looks like what is not there, or ids could be tried for being there. */
static void answer_one(struct get *get)
{
    const struct order *order = &get->found[0];
    if (order->order_id[0] == '\0' || !http_may_use(get->req, order->account_id)) {
        refuse(get->req, REFUSE_NOT_FOUND, 0);
        return;
    }
    struct buf body = BUF_INIT(answer_max(get));
    order_render(&body, order, false);
    http_answer(get->req, 200, "application/json", &body);
}

static void answer_many(struct get *get)
{
    struct buf body = BUF_INIT(answer_max(get));
    const char *comma = "";
    buf_add_str(&body, "{\"orders\":[");
    for (size_t i = 0; i < get->lookup.n_keys; i++) {
        if (get->found[i].order_id[0] == '\0')
            continue;
        buf_add_str(&body, comma);
        order_render(&body, &get->found[i], false);
        comma = ",";
    }
    buf_add_str(&body, "],\"not_found\":[");
    comma = "";
    for (size_t i = 0; i < get->lookup.n_keys; i++) {
        if (get->found[i].order_id[0] != '\0')
            continue;
        buf_add_str(&body, comma);
        buf_add_json(&body, get->keys[i].client_order_id);
        comma = ",";
    }
    buf_add_str(&body, "]}");
    http_answer(get->req, 200, "application/json", &body);
}

static void log_failure(const struct get *get)
{
    const struct err *err = &get->lookup.err;
    log_event(LOG_ERROR, "lookup.failed", log_str("request_id", http_request_id(get->req)),
              log_known("trace_id", http_trace_id(get->req)), log_str("sqlstate", err->code),
              log_known("constraint", err->constraint), log_known("table", err->table),
              log_str("error", err_public_text(err)));
}

static void finish(struct http_completion *completion)
{
    struct get *get = (struct get *)completion;
    switch (get->lookup.rc) {
    case LOOKUP_OK:
        if (get->lookup.n_keys == 0)
            answer_one(get);
        else
            answer_many(get);
        break;
    case LOOKUP_UNAVAILABLE:
        refuse(get->req, REFUSE_READ_UNAVAILABLE, 0);
        break;
    case LOOKUP_DATABASE_FAULT:
        log_failure(get);
        refuse(get->req, REFUSE_READ_FAULT, 0);
        break;
    case LOOKUP_FAILED:
        log_failure(get);
        refuse(get->req, REFUSE_READ_FAILED, 0);
        break;
    }
    get_free(get);
}

static void on_looked_up(struct lookup *lookup)
{
    struct get *get = lookup->owner;
    get->done.next = NULL;
    http_complete(get->loop, &get->done);
}

/* ---- requests ---- */

static struct get *get_new(struct http_request *req, struct service *service, size_t n_found)
{
    struct get *get = calloc(1, sizeof *get + n_found * sizeof get->found[0]);
    if (get == NULL)
        return NULL;
    get->done.finish = finish;
    get->req = req;
    get->loop = http_loop_of(req);
    get->n_found = n_found;
    get->lookup.found = get->found;
    get->lookup.keys = get->keys;
    get->lookup.done = on_looked_up;
    get->lookup.owner = get;
    get->lookup.deadline_at_ns =
        clock_after(clock_now_ns(), service->options.database_acquire_timeout_ns);
    return get;
}

static void submit(struct service *service, struct get *get)
{
    struct http_request *req = get->req;
    if (reader_submit(service->reader, &get->lookup) == READER_OK)
        return;
    get_free(get);
    refuse_because(req, REFUSE_READ_UNAVAILABLE,
                   "Too many lookups wait, or the service is shutting down.");
}

void get_order(struct http_request *req, void *ctx)
{
    struct service *service = ctx;
    const char *order_id = http_path_part(req, 0);
    unsigned char uuid[16];
    if (!uuid_parse(order_id, uuid)) { /* so it is nobody's */
        refuse(req, REFUSE_NOT_FOUND, 0);
        return;
    }
    struct get *get = get_new(req, service, 1);
    if (get == NULL) {
        refuse(req, REFUSE_READ_FAILED, 0);
        return;
    }
    memcpy(get->lookup.order_id, order_id, ORDER_ID_SIZE);
    submit(service, get);
}

/* Cuts "a,b,c" into keys. NULL, or what is wrong. */
static const char *take_keys(struct get *get, const char *account_id, const char *ids)
{
    if (!order_name_is_valid(account_id))
        return "account_id: 1 to 64 characters of A-Z a-z 0-9 . _ : / -";
    memcpy(get->account_id, account_id, strlen(account_id) + 1);
    if (strlen(ids) >= IDS_MAX)
        return "client_order_id: at most 100 ids of at most 64 characters.";
    get->ids = strdup(ids);
    if (get->ids == NULL)
        return "out of memory";
    char *rest = get->ids;
    for (char *id; (id = strsep(&rest, ",")) != NULL;) {
        if (!order_name_is_valid(id))
            return "client_order_id: every id has 1 to 64 characters of A-Z a-z 0-9 . _ : / -";
        if (get->lookup.n_keys == READER_KEYS_MAX)
            return "client_order_id: at most 100 ids.";
        get->keys[get->lookup.n_keys++] =
            (struct order_key){ .account_id = get->account_id, .client_order_id = id };
    }
    return NULL;
}

void get_orders(struct http_request *req, void *ctx)
{
    struct service *service = ctx;
    size_t n_accounts = 0, n_ids = 0;
    const char *account_id = http_query(req, "account_id", &n_accounts);
    const char *ids = http_query(req, "client_order_id", &n_ids);
    if (n_accounts != 1 || n_ids != 1 || account_id[0] == '\0' || ids[0] == '\0') {
        refuse_because(
            req, REFUSE_BAD_QUERY,
            "Give account_id and client_order_id once each; up to 100 client ids, separated by "
            "commas.");
        return;
    }
    struct get *get = get_new(req, service, READER_KEYS_MAX);
    if (get == NULL) {
        refuse(req, REFUSE_READ_FAILED, 0);
        return;
    }
    const char *wrong = take_keys(get, account_id, ids);
    if (wrong != NULL) {
        refuse_because(req, REFUSE_BAD_QUERY, wrong);
        get_free(get);
        return;
    }
    if (!http_may_use(req, get->account_id)) {
        refuse_account(req);
        get_free(get);
        return;
    }
    submit(service, get);
}

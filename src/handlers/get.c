/* get.c - answers GET of orders, by order_id, or by account_id and client_order_ids. A lookup runs
 * on a thread of the reader, never on the loop. The same thread writes the body of the answer.
 *
 * One lookup fetches at most LOOKUP_METADATA_MAX bytes of metadata. Memory for the answer is taken
 * from the budget when its size is known. Each order is freed when it is written. */
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/pieces.h"
#include "handlers/handlers.h"
#include "handlers/reject.h"
#include "ingest/reader.h"
#include "orders/uuid7.h"

enum {
    ORDER_MAX = 1024,   /* most bytes of an order in the answer, without its metadata */
    DOCUMENT_MAX = 128, /* most bytes of the answer around the orders and ids */
    IDS_MAX = READER_KEYS_MAX * ORDER_NAME_SIZE,
};

struct get {
    struct http_completion done; /* the loop calls done.finish after the lookup */
    struct http_request *req;
    struct http_loop *loop;
    struct lookup lookup;
    struct budget_share held; /* memory of this struct and its ids */
    char account_id[ORDER_NAME_SIZE];
    char *ids; /* owned: the client_order_ids, each with its NUL */
    struct order_key keys[READER_KEYS_MAX];
    bool found_any;       /* valid if LOOKUP_OK; false: a GET by order_id found no order */
    bool no_room;         /* valid if LOOKUP_OK: the budget has no room for the answer */
    struct pieces out;    /* valid if LOOKUP_OK: the answer */
    size_t n_found;       /* number of elements of `found` */
    struct order found[]; /* one for each key */
};

static void get_free(struct get *get)
{
    for (size_t i = 0; i < get->n_found; i++)
        order_fini(&get->found[i]);
    pieces_fini(&get->out);
    struct budget_share held = get->held;
    free(get->ids);
    free(get);
    budget_share_end(&held);
}

static void reject_account(struct http_request *req)
{
    struct http_problem problem = statuses_problem(REJECT_FORBIDDEN);
    problem.outcome = NULL; /* a GET has no outcome */
    http_problem(req, &problem);
}

/* ---- the answer, on a reader's thread ---- */

/* Takes the answer's bytes from the budget. Metadata counts with its size in the database. This may
 * be more than the client sent, because jsonb writes out all digits of a number. */
static bool reserve_answer(struct get *get)
{
    size_t bytes = DOCUMENT_MAX;
    for (size_t i = 0; i < get->n_found; i++) {
        const struct order *order = &get->found[i];
        bytes += order->order_id[0] != '\0' ? (size_t)ORDER_MAX : ORDER_NAME_SIZE + 3;
        bytes += order->metadata != NULL ? order->metadata_len : 0;
    }
    return pieces_reserve(&get->out, bytes);
}

/* Writes the order and frees its metadata. */
static void write_order(struct get *get, struct order *order)
{
    struct buf text = BUF_INIT(ORDER_MAX + order->metadata_len);
    order_render(&text, order, false);
    pieces_add(&get->out, text.data, text.len);
    get->out.failed = get->out.failed || text.failed;
    buf_fini(&text);
    order_fini(order);
}

static bool is_there(const struct order *order)
{
    return order->order_id[0] != '\0';
}

static bool is_left_out(const struct order *order)
{
    return order->metadata == NULL && order->metadata_len > 0;
}

static void write_orders(struct get *get, const bool left_out[])
{
    const char *comma = "";
    for (size_t i = 0; i < get->n_found; i++) {
        if (!is_there(&get->found[i]) || left_out[i])
            continue;
        pieces_add_str(&get->out, comma);
        write_order(get, &get->found[i]);
        comma = ",";
    }
}

/* If `there` is true, writes the ids of the orders that were found but whose metadata was not
 * fetched. Otherwise writes the ids of the orders that were not found. */
static void write_ids(struct get *get, const bool left_out[], bool there)
{
    const char *comma = "";
    for (size_t i = 0; i < get->n_found; i++) {
        if (there ? !left_out[i] : is_there(&get->found[i]))
            continue;
        pieces_add_str(&get->out, comma);
        pieces_add_str(&get->out, "\"");
        pieces_add_str(&get->out, get->keys[i].client_order_id); /* no character to escape */
        pieces_add_str(&get->out, "\"");
        comma = ",";
    }
}

static void write_many(struct get *get)
{
    bool left_out[READER_KEYS_MAX] = { false }, any = false;
    for (size_t i = 0; i < get->n_found; i++) {
        left_out[i] = is_left_out(&get->found[i]);
        any = any || left_out[i];
    }
    pieces_add_str(&get->out, "{\"orders\":[");
    write_orders(get, left_out);
    pieces_add_str(&get->out, "],\"not_found\":[");
    write_ids(get, left_out, false);
    if (any) {
        pieces_add_str(&get->out, "],\"not_fetched\":[");
        write_ids(get, left_out, true);
    }
    pieces_add_str(&get->out, "]}");
}

/* Returns true if the order exists and the API key may see it. An order that the key may not see is
 * answered as a missing one, so that a caller cannot find out which ids exist. */
static bool may_see(struct get *get)
{
    const struct order *order = &get->found[0];
    return is_there(order) && http_may_use(get->req, order->account_id);
}

static void on_looked_up(struct lookup *lookup)
{
    struct get *get = lookup->owner;
    bool many = lookup->n_keys > 0;
    if (lookup->rc == LOOKUP_OK) {
        get->found_any = many || may_see(get);
        get->no_room = get->found_any && !reserve_answer(get);
        if (many && !get->no_room)
            write_many(get);
        else if (get->found_any && !get->no_room)
            write_order(get, &get->found[0]);
        for (size_t i = 0; i < get->n_found; i++)
            order_fini(&get->found[i]);
    }
    http_complete_one(get->loop, &get->done);
}

/* ---- on the loop ---- */

static void answer(struct get *get)
{
    if (!get->found_any)
        reject_request(get->req, REJECT_NOT_FOUND, 0);
    else if (get->no_room)
        reject_request(get->req, REJECT_READ_OVERLOADED, 0);
    else
        http_answer_pieces(get->req, 200, "application/json", &get->out);
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
    struct get *get = CONTAINER_OF(completion, struct get, done);
    switch (get->lookup.rc) {
    case LOOKUP_OK:
        answer(get);
        break;
    case LOOKUP_UNAVAILABLE:
        reject_request(get->req, REJECT_READ_UNAVAILABLE, 0);
        break;
    case LOOKUP_DATABASE_FAULT:
        log_failure(get);
        reject_request(get->req, REJECT_READ_FAULT, 0);
        break;
    case LOOKUP_FAILED:
        log_failure(get);
        reject_request(get->req, REJECT_READ_FAILED, 0);
        break;
    }
    get_free(get);
}

/* ---- requests ---- */

/* Makes the struct of a lookup. If there is no memory, rejects the request and returns NULL. */
static struct get *get_new(struct http_request *req, struct handlers *handlers, size_t n_found,
                           size_t ids_bytes)
{
    struct budget_share held = { .budget = handlers->memory };
    size_t bytes = sizeof(struct get) + n_found * sizeof(struct order);
    if (!budget_share_take(&held, bytes + ids_bytes)) {
        reject_request(req, REJECT_READ_OVERLOADED, 0);
        return NULL;
    }
    struct get *get = calloc(1, bytes);
    if (get == NULL) {
        budget_share_end(&held);
        reject_request(req, REJECT_READ_FAILED, 0);
        return NULL;
    }
    get->held = held;
    pieces_init(&get->out, handlers->memory);
    get->done.finish = finish;
    get->req = req;
    get->loop = http_loop_of(req);
    get->n_found = n_found;
    get->lookup.found = get->found;
    get->lookup.keys = get->keys;
    get->lookup.done = on_looked_up;
    get->lookup.owner = get;
    get->lookup.deadline_at_ns = clock_after(clock_now_ns(), handlers->lookup_timeout_ns);
    return get;
}

static void submit(struct handlers *handlers, struct get *get)
{
    struct http_request *req = get->req;
    if (reader_submit(handlers->reader, &get->lookup) == READER_OK)
        return;
    get_free(get);
    reject_because(req, REJECT_READ_UNAVAILABLE,
                   "Too many lookups wait, or the service is shutting down.");
}

void handlers_get_order(struct http_request *req, void *ctx)
{
    struct handlers *handlers = ctx;
    const char *order_id = http_path_part(req, 0);
    unsigned char uuid[16];
    if (!uuid_parse(order_id, uuid)) { /* no order has this id */
        reject_request(req, REJECT_NOT_FOUND, 0);
        return;
    }
    struct get *get = get_new(req, handlers, 1, 0);
    if (get == NULL)
        return;
    memcpy(get->lookup.order_id, order_id, ORDER_ID_SIZE);
    submit(handlers, get);
}

/* Counts the ids in "a,b,c". Returns at most READER_KEYS_MAX; take_keys() later rejects a list with
 * more ids. */
static size_t count_ids(const char *ids)
{
    size_t n = 1;
    for (; *ids != '\0' && n <= READER_KEYS_MAX; ids++)
        n += *ids == ',';
    return n <= READER_KEYS_MAX ? n : READER_KEYS_MAX;
}

/* Splits "a,b,c" into keys. Returns NULL on success, or a text that says what is wrong. */
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

void handlers_get_orders(struct http_request *req, void *ctx)
{
    struct handlers *handlers = ctx;
    size_t n_accounts = 0, n_ids = 0;
    const char *account_id = http_query(req, "account_id", &n_accounts);
    const char *ids = http_query(req, "client_order_id", &n_ids);
    if (n_accounts != 1 || n_ids != 1 || account_id[0] == '\0' || ids[0] == '\0') {
        reject_because(
            req, REJECT_BAD_QUERY,
            "Give account_id and client_order_id once each; up to 100 client ids, separated by "
            "commas.");
        return;
    }
    struct get *get = get_new(req, handlers, count_ids(ids), strnlen(ids, IDS_MAX));
    if (get == NULL)
        return;
    const char *wrong = take_keys(get, account_id, ids);
    if (wrong != NULL) {
        reject_because(req, REJECT_BAD_QUERY, wrong);
        get_free(get);
        return;
    }
    if (!http_may_use(req, get->account_id)) {
        reject_account(req);
        get_free(get);
        return;
    }
    submit(handlers, get);
}

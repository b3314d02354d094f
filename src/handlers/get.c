/* get.c - answers GET of orders, by order_id, or by account_id and client_order_ids. A query
 * without client_order_ids is that of a list (list.c).
 *
 * One lookup fetches at most LOOKUP_METADATA_MAX bytes of metadata. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "handlers/handlers.h"
#include "handlers/lookup_job.h"
#include "handlers/reject.h"
#include "orders/uuid7.h"

enum {
    DOCUMENT_MAX = 128, /* most bytes of the answer around the orders and ids */
    IDS_MAX = READER_KEYS_MAX * ORDER_NAME_SIZE,
};

struct get {
    struct lookup_job job;
    char account_id[ORDER_NAME_SIZE];
    char *ids; /* owned: the client_order_ids, each with its NUL */
    struct order_key keys[READER_KEYS_MAX];
    bool found_any;       /* false: a GET by order_id found no order */
    size_t n_found;       /* number of elements of `found` */
    struct order found[]; /* one for each key */
};
static_assert(offsetof(struct get, job) == 0, "lookup_job_free() frees all of it");

static struct get *get_of(struct lookup_job *job)
{
    return CONTAINER_OF(job, struct get, job);
}

static void free_orders(struct get *get)
{
    for (size_t i = 0; i < get->n_found; i++)
        order_fini(&get->found[i]);
}

static void fini(struct lookup_job *job)
{
    free_orders(get_of(job));
    free(get_of(job)->ids);
}

/* ---- the answer, on a reader's thread ---- */

static bool is_there(const struct order *order)
{
    return order->order_id[0] != '\0';
}

static bool is_left_out(const struct order *order)
{
    return order->metadata == NULL && order->metadata_len > 0;
}

/* Takes the answer's bytes from the budget. */
static bool reserve_answer(struct get *get)
{
    size_t bytes = DOCUMENT_MAX;
    for (size_t i = 0; i < get->n_found; i++) {
        const struct order *order = &get->found[i];
        bytes += is_there(order) ? lookup_job_order_bytes(order) : ORDER_NAME_SIZE + 3;
    }
    return pieces_reserve(&get->job.out, bytes);
}

static void write_orders(struct get *get, const bool left_out[])
{
    const char *comma = "";
    for (size_t i = 0; i < get->n_found; i++) {
        if (!is_there(&get->found[i]) || left_out[i])
            continue;
        pieces_add_str(&get->job.out, comma);
        lookup_job_write_order(&get->job, &get->found[i]);
        comma = ",";
    }
}

/* If `there` is true, writes the ids of the orders that were found but whose metadata was not
 * fetched. Otherwise writes the ids of the orders that were not found. */
static void write_ids(struct get *get, const bool left_out[], bool there)
{
    struct pieces *out = &get->job.out;
    const char *comma = "";
    for (size_t i = 0; i < get->n_found; i++) {
        if (there ? !left_out[i] : is_there(&get->found[i]))
            continue;
        pieces_add_str(out, comma);
        pieces_add_str(out, "\"");
        pieces_add_str(out, get->keys[i].client_order_id); /* no character to escape */
        pieces_add_str(out, "\"");
        comma = ",";
    }
}

static void write_many(struct get *get)
{
    struct pieces *out = &get->job.out;
    bool left_out[READER_KEYS_MAX] = { false }, any = false;
    for (size_t i = 0; i < get->n_found; i++) {
        left_out[i] = is_left_out(&get->found[i]);
        any = any || left_out[i];
    }
    pieces_add_str(out, "{\"orders\":[");
    write_orders(get, left_out);
    pieces_add_str(out, "],\"not_found\":[");
    write_ids(get, left_out, false);
    if (any) {
        pieces_add_str(out, "],\"not_fetched\":[");
        write_ids(get, left_out, true);
    }
    pieces_add_str(out, "]}");
}

/* Returns true if the order exists and the API key may see it. An order that the key may not see is
 * answered as a missing one, so that a caller cannot find out which ids exist. */
static bool may_see(struct get *get)
{
    const struct order *order = &get->found[0];
    return is_there(order) && http_may_use(get->job.req, order->account_id);
}

static void write_found(struct lookup_job *job)
{
    struct get *get = get_of(job);
    bool many = job->lookup.n_keys > 0;
    get->found_any = many || may_see(get);
    job->no_room = get->found_any && !reserve_answer(get);
    if (many && !job->no_room)
        write_many(get);
    else if (get->found_any && !job->no_room)
        lookup_job_write_order(job, &get->found[0]);
    free_orders(get);
}

/* ---- on the loop ---- */

static void answer(struct lookup_job *job)
{
    if (get_of(job)->found_any)
        http_answer_pieces(job->req, 200, "application/json", &job->out);
    else
        reject_request(job->req, REJECT_NOT_FOUND, 0);
}

/* ---- requests ---- */

/* Makes the struct of a lookup. If there is no memory, rejects the request and returns NULL. */
static struct get *get_new(struct http_request *req, struct handlers *handlers, size_t n_found,
                           size_t ids_bytes)
{
    static const struct lookup_kind kind = { .write = write_found, .answer = answer, .fini = fini };
    struct get *get = lookup_job_new(
        req, handlers, &kind, sizeof(struct get) + n_found * sizeof(struct order), ids_bytes);
    if (get == NULL)
        return NULL;
    get->n_found = n_found;
    get->job.lookup.found = get->found;
    get->job.lookup.keys = get->keys;
    return get;
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
    memcpy(get->job.lookup.order_id, order_id, ORDER_ID_SIZE);
    lookup_job_submit(handlers, &get->job);
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
    struct lookup *lookup = &get->job.lookup;
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
        if (lookup->n_keys == READER_KEYS_MAX)
            return "client_order_id: at most 100 ids.";
        get->keys[lookup->n_keys++] =
            (struct order_key){ .account_id = get->account_id, .client_order_id = id };
    }
    return NULL;
}

static size_t count_parameter(struct http_request *req, const char *name)
{
    size_t n = 0;
    (void)http_query(req, name, &n);
    return n;
}

/* Rejects a request that asks for keys and for a list at once, or for keys in the media type of a
 * list. Then returns false. */
static bool asks_for_keys_only(struct http_request *req)
{
    bool lines =
        http_accepts(req, "application/x-ndjson") && !http_accepts(req, "application/json");
    if (lines) {
        reject_request(req, REJECT_LOOKUP_LINES, 0);
        return false;
    }
    if (count_parameter(req, "client_order_id_from") + count_parameter(req, "limit") +
            count_parameter(req, "client_order_id_prefix") + count_parameter(req, "cursor") ==
        0)
        return true;
    reject_because(req, REJECT_BAD_QUERY,
                   "Give client_order_id to look orders up by their ids, or client_order_id_from, "
                   "client_order_id_prefix, limit and cursor to list orders, but not both.");
    return false;
}

static void look_up_keys(struct http_request *req, struct handlers *handlers)
{
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
    if (wrong == NULL && http_may_use(req, get->account_id)) {
        lookup_job_submit(handlers, &get->job);
        return;
    }
    if (wrong != NULL)
        reject_because(req, REJECT_BAD_QUERY, wrong);
    else
        lookup_job_reject_account(req);
    lookup_job_free(&get->job);
}

void handlers_get_orders(struct http_request *req, void *ctx)
{
    if (count_parameter(req, "client_order_id") == 0)
        handlers_list_orders(req, ctx);
    else if (asks_for_keys_only(req))
        look_up_keys(req, ctx);
}

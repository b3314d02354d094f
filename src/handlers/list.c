/* list.c - answers GET of an account's orders: a page of them, in the order of client_order_id, as
 * JSON or NDJSON. If there are more, the answer has a Link to the next page.
 *
 * A page begins after an id and not after a number of orders, so orders that are stored meanwhile
 * shift nothing: an order that was stored before the first page comes exactly once. An order that
 * is stored later, under an id that the pages have passed, does not come. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "handlers/cursor.h"
#include "handlers/handlers.h"
#include "handlers/lookup_job.h"
#include "handlers/reject.h"

#define JSON "application/json"
#define NDJSON "application/x-ndjson"

enum {
    LIMIT_DEFAULT = 100,
    DOCUMENT_MAX = 256, /* most bytes of the answer around the orders */
    LINK_MAX = 512,
};

/* The parameters of the query. A text is "" if its parameter is absent. */
struct list_query {
    char account_id[ORDER_NAME_SIZE];
    char from[ORDER_NAME_SIZE], prefix[ORDER_NAME_SIZE];
    char after[ORDER_NAME_SIZE]; /* the position of the cursor */
    size_t limit;
};

struct listing {
    struct lookup_job job;
    struct list_query query;
    struct order_range range; /* borrows the texts of `query` */
    bool lines;               /* the answer is NDJSON, because Accept prefers that */
    char next[CURSOR_SIZE];   /* the cursor of the next page; "" if there is none */
    struct order orders[];    /* query.limit of them; the page has the first ones */
};
static_assert(offsetof(struct listing, job) == 0, "lookup_job_free() frees all of it");

static struct listing *listing_of(struct lookup_job *job)
{
    return CONTAINER_OF(job, struct listing, job);
}

static void free_orders(struct lookup_job *job)
{
    for (size_t i = 0; i < job->lookup.page.n; i++)
        order_fini(&job->lookup.page.orders[i]);
}

/* ---- the answer, on a reader's thread ---- */

static bool reserve_answer(struct lookup_job *job)
{
    const struct order_page *page = &job->lookup.page;
    size_t bytes = DOCUMENT_MAX;
    for (size_t i = 0; i < page->n; i++)
        bytes += lookup_job_order_bytes(&page->orders[i]);
    return pieces_reserve(&job->out, bytes);
}

static void write_orders(struct lookup_job *job, const char *between, const char *after)
{
    const struct order_page *page = &job->lookup.page;
    for (size_t i = 0; i < page->n; i++) {
        pieces_add_str(&job->out, i > 0 ? between : "");
        lookup_job_write_order(job, &page->orders[i]);
        pieces_add_str(&job->out, after);
    }
}

static void write_document(struct listing *listing)
{
    struct pieces *out = &listing->job.out;
    pieces_add_str(out, "{\"orders\":[");
    write_orders(&listing->job, ",", "");
    pieces_add_str(out, "]");
    if (listing->next[0] != '\0') {
        pieces_add_str(out, ",\"next_cursor\":\"");
        pieces_add_str(out, listing->next);
        pieces_add_str(out, "\"");
    }
    pieces_add_str(out, "}");
}

static void write_page(struct lookup_job *job)
{
    struct listing *listing = listing_of(job);
    const struct order_page *page = &job->lookup.page;
    if (page->more)
        cursor_write(page->orders[page->n - 1].client_order_id, listing->next);
    job->no_room = !reserve_answer(job);
    if (job->no_room)
        free_orders(job);
    else if (listing->lines)
        write_orders(job, "", "\n");
    else
        write_document(listing);
}

/* ---- on the loop ---- */

/* The Link has a path and a query. No character of the query has to be escaped. It has no
 * client_order_id_from, because the position of the cursor is above that. */
static void add_link(struct listing *listing)
{
    char text[LINK_MAX];
    struct buf link = BUF_OVER(text);
    buf_printf(&link, "</v1/orders?account_id=%s", listing->query.account_id);
    if (listing->query.prefix[0] != '\0')
        buf_printf(&link, "&client_order_id_prefix=%s", listing->query.prefix);
    buf_printf(&link, "&limit=%zu&cursor=%s>; rel=\"next\"", listing->query.limit, listing->next);
    http_add_header(listing->job.req, "Link", text);
}

static void answer(struct lookup_job *job)
{
    struct listing *listing = listing_of(job);
    if (listing->next[0] != '\0')
        add_link(listing);
    http_answer_pieces(job->req, 200, listing->lines ? NDJSON : JSON, &job->out);
}

/* ---- requests ---- */

/* Copies the value of a parameter that is a name. If the parameter is given twice or has another
 * value, rejects the request and returns false. */
static bool read_name(struct http_request *req, const char *name, char out[ORDER_NAME_SIZE])
{
    size_t n = 0;
    const char *text = http_query(req, name, &n);
    if (n == 0)
        return true;
    if (n == 1 && text != NULL && order_name_is_valid(text)) {
        memcpy(out, text, strlen(text) + 1);
        return true;
    }
    char detail[128];
    (void)snprintf(detail, sizeof detail,
                   "%s: once, with 1 to 64 characters of A-Z a-z 0-9 . _ : / -", name);
    reject_because(req, REJECT_BAD_QUERY, detail);
    return false;
}

static bool read_account(struct http_request *req, struct list_query *query)
{
    if (!read_name(req, "account_id", query->account_id))
        return false;
    if (query->account_id[0] != '\0')
        return true;
    reject_because(req, REJECT_BAD_QUERY,
                   "Give account_id once: alone to list all orders of the account, or with "
                   "client_order_id to look orders up.");
    return false;
}

/* Returns 0 if the text is no number from 1 to ORDER_PAGE_MAX. */
static size_t limit_of(const char *text)
{
    size_t n = 0;
    for (; *text >= '0' && *text <= '9' && n <= ORDER_PAGE_MAX; text++)
        n = n * 10 + (size_t)(*text - '0');
    return *text == '\0' && n <= ORDER_PAGE_MAX ? n : 0;
}

static bool read_limit(struct http_request *req, struct list_query *query)
{
    size_t n = 0;
    const char *text = http_query(req, "limit", &n);
    query->limit = LIMIT_DEFAULT;
    if (n == 0)
        return true;
    query->limit = n == 1 && text != NULL ? limit_of(text) : 0;
    if (query->limit > 0)
        return true;
    reject_because(req, REJECT_BAD_QUERY, "limit: once, a number from 1 to 1000.");
    return false;
}

static bool read_cursor(struct http_request *req, struct list_query *query)
{
    size_t n = 0;
    const char *text = http_query(req, "cursor", &n);
    if (n == 0 || (n == 1 && text != NULL && cursor_read(text, query->after)))
        return true;
    reject_request(req, REJECT_CURSOR, 0);
    return false;
}

static bool read_query(struct http_request *req, struct list_query *query)
{
    return read_account(req, query) && read_name(req, "client_order_id_from", query->from) &&
           read_name(req, "client_order_id_prefix", query->prefix) && read_limit(req, query) &&
           read_cursor(req, query);
}

static struct order_range range_of(const struct list_query *query)
{
    return (struct order_range){
        .account_id = query->account_id,
        .from = query->from,
        .after = query->after,
        .prefix = query->prefix,
        .limit = query->limit,
    };
}

void handlers_list_orders(struct http_request *req, void *ctx)
{
    static const struct lookup_kind kind = { .write = write_page,
                                             .answer = answer,
                                             .fini = free_orders };
    struct handlers *handlers = ctx;
    struct list_query query = { .limit = 0 };
    if (!read_query(req, &query))
        return;
    if (!http_may_use(req, query.account_id)) {
        lookup_job_reject_account(req);
        return;
    }
    struct listing *listing = lookup_job_new(
        req, handlers, &kind, sizeof *listing + query.limit * sizeof(struct order), 0);
    if (listing == NULL)
        return;
    listing->query = query;
    listing->range = range_of(&listing->query);
    listing->lines = http_prefers(req, NDJSON, JSON);
    listing->job.lookup.range = &listing->range;
    listing->job.lookup.page.orders = listing->orders;
    lookup_job_submit(handlers, &listing->job);
}

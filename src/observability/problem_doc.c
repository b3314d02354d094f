/* problem_doc.c - see problem_doc.h. The first table of docs/PROBLEMS.md has one row for each
 * combination of status, code and `retryable` that a client can see. Causes with the same
 * combination share the row. */
#include "observability/problem_doc.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "handlers/statuses.h"
#include "http/http.h"
#include "observability/sqlstate_doc.h"
#include "orders/order_codes.h"

enum { ROWS_MAX = 256 };

struct row {
    struct http_problem problem;
    bool not_accepted, unknown; /* outcomes that this problem can have */
    const char *meaning;        /* only of errors of the document; else NULL */
};

struct page {
    struct row rows[ROWS_MAX];
    size_t n;
};

static bool is_same(const struct http_problem *a, const struct http_problem *b)
{
    return a->status == b->status && a->retryable == b->retryable && strcmp(a->code, b->code) == 0;
}

static struct row *row_of(struct page *page, const struct http_problem *problem)
{
    for (size_t i = 0; i < page->n; i++)
        if (is_same(&page->rows[i].problem, problem))
            return &page->rows[i];
    CHECK(page->n < ROWS_MAX);
    struct row *row = &page->rows[page->n++];
    *row = (struct row){ .problem = *problem };
    return row;
}

static struct row *add(struct page *page, const struct http_problem *problem)
{
    struct row *row = row_of(page, problem);
    const char *outcome = problem->outcome != NULL ? problem->outcome : "";
    row->not_accepted = row->not_accepted || strcmp(outcome, "not_accepted") == 0;
    row->unknown = row->unknown || strcmp(outcome, "unknown") == 0;
    return row;
}

/* Adds one problem for each code that order_codes.def has for errors of a document. These problems
 * differ only in code and meaning, so statuses.c has one row for all of them, REJECT_MALFORMED. */
static void add_documents(struct page *page)
{
    for (size_t i = 0; i < ORDER_CODES; i++) {
        struct http_problem problem = statuses_problem(REJECT_MALFORMED);
        if (order_codes[i].of != ORDER_CODE_OF_DOCUMENT)
            continue;
        problem.code = order_codes[i].code;
        add(page, &problem)->meaning = order_codes[i].meaning;
    }
}

static void add_all(struct page *page)
{
    struct http_problem problem;
    for (size_t i = 0; i < REJECTIONS; i++) {
        problem = statuses_problem((enum rejection)i);
        (void)add(page, &problem);
    }
    for (size_t i = 0; http_own_problem(i, &problem); i++)
        (void)add(page, &problem);
    add_documents(page);
}

static int compare(const void *a, const void *b)
{
    const struct http_problem *one = &((const struct row *)a)->problem;
    const struct http_problem *other = &((const struct row *)b)->problem;
    if (one->status != other->status)
        return one->status - other->status;
    int order = strcmp(one->code, other->code);
    return order != 0 ? order : (int)one->retryable - (int)other->retryable;
}

static const char *outcomes(const struct row *row)
{
    if (row->not_accepted)
        return row->unknown ? "not_accepted or unknown" : "not_accepted";
    return row->unknown ? "unknown" : "–";
}

static const char *advice(const struct row *row)
{
    const struct http_problem *problem = &row->problem;
    if (row->unknown && !row->not_accepted)
        return "Repeat the same request until a 2xx or `client_order_id_reused`.";
    if (problem->retryable && problem->status == 408)
        return "Repeat the same request, and send it faster.";
    if (problem->retryable)
        return "Wait for `Retry-After`, then repeat the same request.";
    if (problem->status >= 500)
        return "Give the id in `instance` to the operator of the service: the log has the fault "
               "under this id.";
    if (problem->status == 401 || problem->status == 403)
        return "Use a key, a certificate or an origin that is allowed.";
    return row->meaning != NULL ? row->meaning
                                : "Correct the request: `detail` says what is wrong.";
}

static const char intro[] =
    "# Problems\n\n"
    "Every refusal is a problem document (RFC 9457, `application/problem+json`). Programs should "
    "look at its `code`,\n"
    "never at `title` or `detail`. `outcome` speaks about the refused request only. "
    "`not_accepted`: this request stored nothing\n"
    "and never will. `unknown`: the order may be stored, now or later. The refusal of a GET has "
    "no outcome. If a request for an id\n"
    "ended `unknown` or without an answer, only a 2xx or `client_order_id_reused` for that id "
    "tells whether the order is\n"
    "stored: repeat the same id, never a new one.\n\n"
    "| status | code | title | outcome | retryable | what to do |\n|---|---|---|---|---|---|\n";

static const char fields[] =
    "\n## Field errors\n\n"
    "`invalid_order` lists every field that breaks a rule: `errors: [{pointer, code, detail}]`.\n\n"
    "| code | meaning |\n|---|---|\n";

void problem_doc(struct buf *out)
{
    static struct page page; /* too large for a stack */
    page.n = 0;
    add_all(&page);
    qsort(page.rows, page.n, sizeof page.rows[0], compare);
    buf_add_str(out, intro);
    for (size_t i = 0; i < page.n; i++) {
        const struct row *row = &page.rows[i];
        buf_printf(out, "| %d | `%s` | %s | %s | %s | %s |\n", row->problem.status,
                   row->problem.code, row->problem.title, outcomes(row),
                   row->problem.retryable ? "yes" : "no", advice(row));
    }
    buf_add_str(out, fields);
    for (size_t i = 0; i < ORDER_CODES; i++)
        if (order_codes[i].of == ORDER_CODE_OF_FIELD)
            buf_printf(out, "| `%s` | %s |\n", order_codes[i].code, order_codes[i].meaning);
    sqlstate_doc(out);
}

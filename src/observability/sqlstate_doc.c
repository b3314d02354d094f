/* sqlstate_doc.c - see sqlstate_doc.h. The fault, the action and the answer in a row of
 * docs/PROBLEMS.md come from the code that the service itself uses, so the page agrees with the
 * service. */
#include "observability/sqlstate_doc.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "handlers/statuses.h"
#include "http/http.h"
#include "ingest/ingest.h"
#include "store/sqlstate.h"

static const char intro[] =
    "\n"
    "## Errors of the database\n"
    "\n"
    "The table says whose fault an error of PostgreSQL is, and what follows for the orders that "
    "were sent together (a group).\n"
    "The first row whose SQLSTATE and condition fit applies.\n"
    "\n"
    "- **Split**: ordersd divides the group until the order at fault stands alone, and stores the "
    "others.\n"
    "- **Tried in pieces**: the same; but if all pieces of the group fail alike, every order of "
    "the group is answered at once.\n"
    "- **Tried again**: until the deadline of the order. The answer at the deadline may also be "
    "504 `commit_unknown`.\n"
    "- An atomic batch is never divided: all of the batch is tried again or refused. If one order "
    "is at fault, `results` names it.\n"
    "- **Counts**: groups that fail in this way while no order is stored are evidence that the "
    "service is not ready.\n"
    "- A lookup sends no order. It is answered `database_down` where an order is tried again, "
    "`internal_error` where the fault is\n"
    "  ours, else `database_unavailable`.\n"
    "\n"
    "| SQLSTATE | when | meaning | whose fault | the group is | answer to an order alone | "
    "retryable | "
    "counts |\n|---|---|---|---|---|---|---|---|\n";

static const char *condition_words(enum sqlstate_condition condition)
{
    static const char *const words[] = {
        [SQLSTATE_ALWAYS] = "",
        [SQLSTATE_BY_POLICY] = "no right is missing: a policy or a trigger refuses",
        [SQLSTATE_TOO_LARGE] = "of the size of a row or an index row",
        [SQLSTATE_NAMES_CONSTRAINT] = "a constraint or an index is named",
        [SQLSTATE_NAMES_KEY] =
            "the primary key is named, or a transient index of REINDEX CONCURRENTLY",
        [SQLSTATE_NAMES_TABLE_ONLY] = "a table is named and no constraint",
        [SQLSTATE_OF_FOREIGN_COLUMN] = "of a column that orders do not have",
    };
    return words[condition];
}

static const char *fault_words(enum store_fault fault)
{
    static const char *const words[STORE_FAULTS] = {
        [FAULT_NONE] = "nobody's",
        [FAULT_ORDER] = "the order's",
        [FAULT_OPERATOR] = "the operator's",
        [FAULT_SERVER] = "the server's",
        [FAULT_SERVICE] = "ours",
    };
    return words[fault];
}

static const char *action_words(const struct sqlstate_row *row)
{
    switch (row->action) {
    case STORE_RETRY:
        return "tried again";
    case STORE_RETRY_THEN_SPLIT:
        return row->fault == FAULT_SERVER ? "tried again, then in pieces"
                                          : "tried again, then split";
    case STORE_SPLIT:
        return "split";
    case STORE_SPLIT_OR_FAIL:
        return "tried in pieces";
    case STORE_FAIL:
    case STORE_UNAVAILABLE:
    case STORE_ELSEWHERE:
        break;
    }
    return "failed at once";
}

static bool is_tried_again(const struct sqlstate_row *row)
{
    return row->action == STORE_RETRY || row->action == STORE_RETRY_THEN_SPLIT;
}

static struct http_problem problem_of(const struct sqlstate_row *row)
{
    const enum item_verdict verdict =
        is_tried_again(row) ? ITEM_TIMED_OUT : ingest_verdict_of(row->fault);
    return statuses_problem(statuses_rejection(verdict));
}

/* Writes a prefix of SQLSTATEs as 42xxx. */
static void write_code(const char *prefix, char *out, size_t size)
{
    if (prefix[0] == '\0')
        (void)snprintf(out, size, "any other");
    else
        (void)snprintf(out, size, "%s%.*s", prefix, (int)(5 - strlen(prefix)), "xxxxx");
}

static void add_row(struct buf *out, const struct sqlstate_row *row)
{
    const struct http_problem problem = problem_of(row);
    const struct http_problem refused = statuses_problem(REJECT_BY_DATABASE);
    const bool counts = row->fault != FAULT_NONE && row->fault != FAULT_ORDER;
    char code[sizeof "any other"];
    write_code(row->prefix, code, sizeof code);
    buf_printf(out, "| %s | %s | %s | %s | %s | ", code, condition_words(row->condition),
               row->meaning, fault_words(row->fault), action_words(row));
    if (row->unless_neighbour_stored)
        buf_printf(out, "%d `%s` if another order of its group was stored, else ", refused.status,
                   refused.code);
    buf_printf(out, "%s%d `%s` | %s | %s |\n", is_tried_again(row) ? "at the deadline " : "",
               problem.status, problem.code, problem.retryable ? "yes" : "no",
               counts ? "yes" : "no");
}

void sqlstate_doc(struct buf *out)
{
    const struct sqlstate_row *row;
    buf_add_str(out, intro);
    for (size_t i = 0; (row = sqlstate_row(i)) != NULL; i++)
        add_row(out, row);
}

/* batch.h - POST /v1/orders/batch from the inside: one batch from its bytes to its answer.
 *
 *     batch_read()   bytes -> entries            the offload thread, or the loop for a few
 *     batch.c        entries -> ingest -> fates  the loop
 *     batch_write()  fates -> the answer         the offload thread, or the loop for a few
 *
 * Memory     Before its orders are queued, a batch takes from the budget the bytes of its entries
 *            and of an answer in which each order has BATCH_RESULT_MAX bytes. The bytes of a longer
 *            result are taken when it is written. If the budget has none, the result is shortened.
 *
 * Ownership  A batch owns its entries. The ingest has an entry's item while its fate is WAITING. If
 *            the fate becomes EXPIRED or UNKNOWN, the ingest still has the item until it passes it
 *            back: only then is the batch freed. */
#ifndef HANDLERS_BATCH_H
#define HANDLERS_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/budget.h"
#include "base/pieces.h"
#include "handlers/preferences.h"
#include "handlers/statuses.h"
#include "handlers/submission.h"
#include "http/http.h"
#include "orders/order.h"
#include "orders/order_batch.h"

enum batch_fate {
    FATE_GOOD,     /* read, and within the rules */
    FATE_REJECTED, /* before the queue: `problem`, `error` */
    FATE_MATE,     /* good, and rejected before the queue with the rest of its atomic batch */
    FATE_WAITING,  /* the ingest has it */
    FATE_SETTLED,  /* item.verdict */
    FATE_EXPIRED,  /* at the deadline: never written */
    FATE_UNKNOWN,  /* at the deadline: sent, and no verdict yet */
};

struct batch_entry {
    struct submission submission;
    struct batch *batch;
    enum batch_fate fate;
    struct http_problem problem; /* FATE_REJECTED; without detail and members */
    char *error; /* owned; FATE_REJECTED: detail and members, as JSON; NULL: there was no room */
};

enum {
    BATCH_RESULT_MAX = 384,        /* of a result in short, and of every success */
    BATCH_ERRORS_MAX = 256 * 1024, /* of the errors of orders that were rejected before the queue */
    BATCH_DOCUMENT_MAX = 2 * 1024, /* of an answer without its results */
};

/* Totals over all entries. */
struct batch_tally {
    uint64_t created, replayed, rejected, unknown;
    int status;                /* 0: none yet */
    int failed_status;         /* 500 and above, of an order that failed by no fault of its own */
    bool one_code;             /* all rejections so far have the code of `first` */
    struct http_problem first; /* the first rejection; code NULL: none yet */
    int64_t retry_after_ns;    /* the longest */
};

struct batch {
    struct http_work work;     /* first: the loop gives this back */
    struct handlers *handlers; /* borrowed */
    struct http_request *req;  /* NULL once it was answered */
    struct preferences preferences;
    const char *body; /* the request's */
    size_t len;
    bool is_lines;

    /* What batch_read() found. */
    bool rejected;               /* the whole document, by `problem` and `detail` */
    struct http_problem problem; /* its detail is NULL when it is `detail` */
    char detail[256];
    size_t n;
    struct batch_entry *entries; /* owned */
    size_t errors_bytes;         /* of all entries' error */
    bool errors_full;            /* later entries keep no error text: there is no room */
    struct budget_share held;    /* this batch, its entries, their metadata and errors */

    /* Between two slices of batch_read(). */
    struct order_batch reader;
    size_t n_read; /* elements counted, then entries read */

    size_t n_waiting; /* entries that the ingest has */
    bool answering;   /* what is resolved from now on is only counted */
    bool spent;       /* no entry is needed once the answer is written */

    /* Between two slices of batch_write(). */
    struct batch_tally tally;
    size_t n_tallied, n_written; /* entries */
    size_t n_shown;              /* results */

    /* What batch_write() made of it. */
    int status;
    const char *code; /* of the rejected orders: "several" if they differ, NULL if none is */
    struct http_problem answer; /* status >= 400 */
    struct pieces out;          /* the body */
};

/* Reads the body, slice by slice. True: all of it is read, and on success every entry is GOOD, and
 * stamped unless validate_only, or REJECTED. */
bool batch_read(struct batch *batch) MUST_CHECK;

/* Writes the answer, slice by slice, by the fates as they are. True: all of it is written. */
bool batch_write(struct batch *batch) MUST_CHECK;

/* Frees the entries and what the budget counts for them: those that the ingest has must be back. */
void batch_drop_entries(struct batch *batch);

/* Makes the entry REJECTED; `problem` is borrowed for the call. */
void batch_entry_reject(struct batch_entry *entry, const struct http_problem *problem);

#endif

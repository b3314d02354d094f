/* batch.h - POST /v1/orders/batch from the inside: one batch from its bytes to its answer.
 *
 *     batch_read()     bytes -> entries                the offload thread; the loop, if small
 *     batch.c          entries -> ingest -> outcomes   the loop
 *     batch_write()    outcomes -> the answer          the offload thread; the loop, if small
 *     batch_state.c    which moves between states are allowed
 *
 * Threads    One thread at a time has the batch: http_offload() passes the batch to the offload
 *            thread, and the completion passes it back to the loop. While the offload thread
 *            writes an answer in ANSWERING_LATE, the loop still counts n_waiting down.
 *
 * Memory     Before its orders are queued, a batch takes from the budget the bytes of its entries
 *            and of an answer in which each order has BATCH_RESULT_MAX bytes. The bytes of a longer
 *            result are taken when it is written. If the budget has none, the result is shortened.
 *
 * Ownership  A batch owns its entries. From QUEUED on, the ingest has the item of an entry until it
 *            passes the item back, also if the entry is EXPIRED or UNKNOWN meanwhile. The batch is
 *            freed only when the ingest has none of its items. */
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

enum batch_state {
    BATCH_COUNTING,       /* its orders are counted */
    BATCH_READING,        /* its entries are read */
    BATCH_READ,           /* each entry is VALID or REJECTED */
    BATCH_REJECTED,       /* the whole document is, by `problem` and `detail` */
    BATCH_QUEUED,         /* the ingest has entries; the request waits for the last of them */
    BATCH_ANSWERING,      /* the answer is written, and the ingest has no entry */
    BATCH_ANSWERING_LATE, /* the answer is written at the deadline: the ingest had entries then */
    BATCH_ANSWERED,       /* answered at the deadline, and the ingest still has entries */
    BATCH_ENDED,          /* freed next */
};

enum entry_state {
    ENTRY_VALID,          /* not read yet, or read and within the rules */
    ENTRY_REJECTED,       /* before the queue: `problem`, `error` */
    ENTRY_BATCH_REJECTED, /* valid, but its batch is atomic and another entry was rejected */
    ENTRY_QUEUED,         /* the ingest has it */
    ENTRY_RESOLVED,       /* item.verdict */
    ENTRY_EXPIRED,        /* at the deadline: never written */
    ENTRY_UNKNOWN,        /* at the deadline: sent, and no verdict yet */
};

struct batch_entry {
    struct submission submission;
    struct batch *batch;
    enum entry_state state;      /* moved by batch_entry_move() */
    struct http_problem problem; /* REJECTED; without detail and members */
    char *error; /* owned; REJECTED: detail and members, as JSON; NULL: there was no room */
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
    enum batch_state state;    /* moved by batch_move() */
    struct handlers *handlers; /* borrowed */
    struct http_request *req;  /* NULL once it was answered */
    struct preferences preferences;
    const char *body; /* the request's */
    size_t len;
    bool is_lines;

    /* What batch_read() found. */
    struct http_problem problem; /* REJECTED; its detail is NULL when it is `detail` */
    char detail[256];
    size_t n;
    struct batch_entry *entries; /* owned */
    size_t errors_bytes;         /* of all entries' error */
    bool errors_full;            /* later entries keep no error text: there is no room */
    struct budget_share held;    /* this batch, its entries, their metadata and errors */

    /* Between two slices of batch_read(). */
    struct order_batch reader;
    size_t n_read; /* elements counted, then entries read */

    size_t n_waiting; /* entries that the ingest has; the loop's */

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

/* Moves the batch. The move must be in the table of batch_state.c, and the other members must be as
 * that file demands of the state; else the process ends. */
void batch_move(struct batch *batch, enum batch_state to);
void batch_entry_move(struct batch_entry *entry, enum entry_state to);

/* Reads the body, slice by slice. True: the batch is REJECTED, or READ: then each VALID entry is
 * stamped, unless validate_only. */
bool batch_read(struct batch *batch) MUST_CHECK;

/* Writes the answer, slice by slice, by the states of its entries. True: all of it is written. */
bool batch_write(struct batch *batch) MUST_CHECK;

/* Frees the entries and what the budget counts for them: those that the ingest has must be back. */
void batch_drop_entries(struct batch *batch);

/* Rejects the entry; `problem` is borrowed for the call. */
void batch_entry_reject(struct batch_entry *entry, const struct http_problem *problem);

#endif

/* batch.h - handles one batch (POST /v1/orders/batch), from its bytes to its answer.
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
 *            and of an answer in which each order has BATCH_RESULT_MAX bytes. A longer result takes
 *            further bytes when it is written, and is shortened if the budget has no room.
 *
 * Ownership  A batch owns its entries. The ingest has the item of a QUEUED entry until it passes
 *            the item back, even if the entry becomes EXPIRED or UNKNOWN before that. The batch is
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
    BATCH_COUNTING,  /* the orders are being counted */
    BATCH_READING,   /* the entries are being read */
    BATCH_READ,      /* each entry is VALID or REJECTED */
    BATCH_REJECTED,  /* the whole document is rejected: see `problem` and `detail` */
    BATCH_QUEUED,    /* entries are in the ingest, and the request waits for all of them */
    BATCH_ANSWERING, /* the answer is being written, and no entry is in the ingest */
    /* The deadline has come: the answer is being written while entries are still in the ingest. */
    BATCH_ANSWERING_LATE,
    BATCH_ANSWERED, /* the request is answered, and entries are still in the ingest */
    BATCH_ENDED,    /* the batch will be freed next */
};

enum entry_state {
    ENTRY_VALID,          /* not read yet, or read and within the rules */
    ENTRY_REJECTED,       /* rejected before the queue: see `problem` and `error` */
    ENTRY_BATCH_REJECTED, /* valid, but its batch is atomic and another entry was rejected */
    ENTRY_QUEUED,         /* the entry is in the ingest */
    ENTRY_RESOLVED,       /* the ingest has passed the entry back: see item.verdict */
    ENTRY_EXPIRED,        /* the order was not sent by the deadline, and never will be */
    ENTRY_UNKNOWN,        /* the order was sent, but has no verdict at the deadline */
};

struct batch_entry {
    struct submission submission;
    struct batch *batch;
    enum entry_state state; /* changed only by batch_entry_move() */
    /* Valid if REJECTED, without its detail and extension members: `error` has these. */
    struct http_problem problem;
    char *error; /* owned; detail and extension members as JSON; NULL: not REJECTED, or no room */
};

enum {
    BATCH_RESULT_MAX = 384,        /* most bytes of a shortened result or of a success */
    BATCH_ERRORS_MAX = 256 * 1024, /* most bytes of all `error` texts together */
    BATCH_DOCUMENT_MAX = 2 * 1024, /* most bytes of an answer without its results */
};

/* Totals over all entries. */
struct batch_tally {
    uint64_t created, replayed, rejected, unknown;
    int status; /* what the request gets for the entries counted so far; 0: none is counted yet */
    /* The status of the last entry whose status is 500 or more; 0: no entry has such a status. If
     * `status` of an atomic batch is 207, the request gets failed_status, or 422 if that is 0. */
    int failed_status;
    bool one_code;             /* all rejections so far have the same code */
    struct http_problem first; /* the first rejection; its code is NULL if there is none */
    int64_t retry_after_ns;    /* the longest of all results */
};

struct batch {
    struct http_work work;     /* reading, then writing the answer */
    enum batch_state state;    /* changed only by batch_move() */
    struct handlers *handlers; /* borrowed */
    struct http_request *req;  /* NULL once the request is answered */
    struct preferences preferences;
    bool answer_lines; /* the answer is NDJSON, because Accept prefers that */
    const char *body;  /* borrowed from the request */
    size_t len;
    bool is_lines;

    /* Set by batch_read(). */
    struct http_problem problem; /* valid if REJECTED; if problem.detail is NULL, use `detail` */
    char detail[256];
    size_t n;
    struct batch_entry *entries; /* owned */
    size_t errors_bytes;         /* of the `error` texts of all entries */
    bool errors_full;            /* there is no room for `error` texts of later entries */
    struct budget_share held;    /* counts the struct, the entries, metadata and error texts */

    /* Progress of batch_read() between two slices. */
    struct order_batch reader;
    size_t n_read; /* orders counted so far, then entries read so far */

    size_t n_waiting; /* entries that are in the ingest; used by the loop only */

    /* Progress of batch_write() between two slices. */
    struct batch_tally tally;
    size_t n_tallied, n_written; /* entries */
    size_t n_shown;              /* results */

    /* Set by batch_write(). */
    int status;
    /* The code of the rejected orders; "several" if their codes differ, NULL if no order is
     * rejected. */
    const char *code;
    struct http_problem answer; /* if status >= 400 */
    struct pieces out;          /* the body */
};

/* Moves the batch to the state `to`. The process aborts if the table of moves in batch_state.c does
 * not allow the move, or if the batch breaks the invariant of the new state (holds() there). */
void batch_move(struct batch *batch, enum batch_state to);
void batch_entry_move(struct batch_entry *entry, enum entry_state to);

/* Reads one slice of the body. Returns true when the batch is REJECTED or READ. In a READ batch,
 * each VALID entry has an order_id, a received_at and a deadline, unless preferences.validate_only
 * is set. */
bool batch_read(struct batch *batch) MUST_CHECK;

/* Writes one slice of the answer, from the states of the entries. Returns true when all of it is
 * written. */
bool batch_write(struct batch *batch) MUST_CHECK;

/* Frees the entries and gives their bytes back to the budget. No entry may be in the ingest. */
void batch_drop_entries(struct batch *batch);

/* Rejects the entry; `problem` is borrowed for the call. */
void batch_entry_reject(struct batch_entry *entry, const struct http_problem *problem);

#endif

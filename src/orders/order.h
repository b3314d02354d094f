/* order.h - what an order is: its fields, their rules, how it is read, compared and shown
 * (docs/DESIGN.md, "Orders"). Knows JSON; knows no HTTP, no SQL, no threads.
 *
 * Threads    no shared state: any thread, one order at a time. Call json_object_seed() first.
 * Ownership  an order owns its metadata; order_fini() frees it and accepts a zeroed order. */
#ifndef ORDERS_ORDER_H
#define ORDERS_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct buf;

enum {
    ORDER_ID_SIZE = 37,      /* a UUID in text, and a NUL */
    ORDER_NAME_SIZE = 65,    /* account_id, client_order_id: 1..64 of [A-Za-z0-9._:/-] */
    ORDER_SYMBOL_SIZE = 33,  /* 1..32 of [A-Z0-9._/-] */
    ORDER_DECIMAL_SIZE = 39, /* 18 digits, point, 18 digits */
    ORDER_METADATA_MAX = 4096,
    ORDER_ZEROS_MAX = 32768,     /* in metadata: that exponents stand for, see `replay_only` */
    ORDER_BYTES_MAX = 64 * 1024, /* of the document: a good one has a tenth of that, or is padded */
    ORDER_DEPTH_MAX = 8,         /* nesting of the document, the order object being 1 */
    ORDER_ERRORS_MAX = 16,
};

enum order_side { ORDER_BUY, ORDER_SELL };
enum order_type { ORDER_MARKET, ORDER_LIMIT, ORDER_STOP, ORDER_STOP_LIMIT };
enum order_tif { ORDER_DAY, ORDER_GTC, ORDER_IOC, ORDER_FOK };

struct order {
    char order_id[ORDER_ID_SIZE]; /* UUIDv7, ours; "" until order_stamp() */
    int64_t received_at_us;       /* Unix time; 0 until order_stamp() */
    char account_id[ORDER_NAME_SIZE];
    char client_order_id[ORDER_NAME_SIZE];
    char symbol[ORDER_SYMBOL_SIZE];
    enum order_side side;
    enum order_type type;
    enum order_tif time_in_force;
    char quantity[ORDER_DECIMAL_SIZE];    /* canonical: no trailing zeros, no trailing point */
    char limit_price[ORDER_DECIMAL_SIZE]; /* "" when absent */
    char stop_price[ORDER_DECIMAL_SIZE];  /* "" when absent */
    int64_t sent_at_us, max_age_ms;       /* both 0 when absent; not stored, not compared */
    char *metadata; /* owned; the client's own bytes, NUL-terminated; NULL when absent */
    size_t metadata_len;
    /* Its metadata has numbers such as 1e308 whose exponents add up to more than ORDER_ZEROS_MAX:
     * the database would write them out, and one order would become fifty times as large. Such an
     * order is not stored any more; one that was stored before is still a replay. */
    bool replay_only;
};

/* The words of the enums, as JSON and SQL have them. */
const char *order_side_word(enum order_side side);
const char *order_type_word(enum order_type type);
const char *order_tif_word(enum order_tif tif);
bool order_side_of(const char *word, enum order_side *out) MUST_CHECK;
bool order_type_of(const char *word, enum order_type *out) MUST_CHECK;
bool order_tif_of(const char *word, enum order_tif *out) MUST_CHECK;

struct order_error {
    char pointer[96]; /* RFC 6901, "" for the document */
    const char *code; /* static: one of order_codes.def */
    char detail[160]; /* what was wrong and what would be right */
};

enum order_rc {
    ORDER_OK,
    ORDER_MALFORMED, /* not JSON or not to be held: 400 */
    ORDER_INVALID,   /* fields against the rules, all of them in `errors`: 422 */
    ORDER_NOMEM,
};

struct order_problem {
    const char *code; /* static; MALFORMED: one of order_codes.def */
    char detail[200]; /* MALFORMED */
    long offset;      /* MALFORMED: byte in the body, -1 where there is none */
    size_t n_errors;  /* INVALID */
    struct order_error errors[ORDER_ERRORS_MAX];
};

/* Reads one order object, of at most ORDER_BYTES_MAX bytes. `idempotency_key` (may be NULL) stands
 * for an absent client_order_id; when both are there and differ, that is a field error. Writes *out
 * only on ORDER_OK, then the caller owns it; *problem only otherwise. order_id and received_at are
 * not read from the document. problem may be NULL: then reading ends at the first field error and
 * no text is made of it. */
enum order_rc order_parse(const char *body, size_t len, const char *idempotency_key,
                          struct order *out, struct order_problem *problem) MUST_CHECK;

/* What ORDER_INVALID says of an order that is replay_only, and not stored. */
void order_refuse_replay_only(struct order_problem *problem);

/* Gives the order its order_id (a new UUIDv7 of that moment) and received_at. */
void order_stamp(struct order *order, int64_t now_us);

/* Is this an account_id or a client_order_id? */
bool order_name_is_valid(const char *name) MUST_CHECK;

/* True when sent_at + max_age_ms has passed; false when the order carries none. */
bool order_is_stale(const struct order *order, int64_t now_us);

/* Total order of the key (account_id, client_order_id), bytewise as the table's COLLATE "C". */
int order_compare_key(const struct order *a, const struct order *b);

enum order_field_bit {
    ORDER_DIFF_SYMBOL = 1u << 0,
    ORDER_DIFF_SIDE = 1u << 1,
    ORDER_DIFF_TYPE = 1u << 2,
    ORDER_DIFF_QUANTITY = 1u << 3,
    ORDER_DIFF_LIMIT_PRICE = 1u << 4,
    ORDER_DIFF_STOP_PRICE = 1u << 5,
    ORDER_DIFF_TIME_IN_FORCE = 1u << 6,
    ORDER_DIFF_METADATA = 1u << 7, /* set by the store: jsonb equality is the database's to judge */
};

/* The fields, without metadata, in which two orders of one key differ by value; 0: in none. */
unsigned order_diff(const struct order *a, const struct order *b);

/* JSON array of the field names of the bits. */
void order_diff_render(struct buf *out, unsigned diff);

/* The order as the API shows it: stored fields, order_id, received_at, status "accepted", replayed.
 * One that was not stamped was only judged: status "valid", and none of what storing gives. */
void order_render(struct buf *out, const struct order *order, bool replayed);

/* The same in short: order_id, status, replayed. */
void order_render_brief(struct buf *out, const struct order *order, bool replayed);

void order_fini(struct order *order);

#endif

/* order.h - an order: its fields, their rules, and how it is parsed, compared and rendered
 * (docs/DESIGN.md, "Orders"). This layer uses JSON, but neither HTTP nor SQL.
 *
 * Threads    Any; one at a time for each order. Call json_object_seed() before the first thread.
 * Ownership  An order owns its metadata. order_fini() frees it, and accepts a zeroed order. */
#ifndef ORDERS_ORDER_H
#define ORDERS_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct buf;

enum {
    ORDER_ID_SIZE = 37,      /* a UUID as text, with its NUL */
    ORDER_NAME_SIZE = 65,    /* account_id, client_order_id: 1..64 of [A-Za-z0-9._:/-] */
    ORDER_SYMBOL_SIZE = 33,  /* 1..32 of [A-Z0-9._/-] */
    ORDER_DECIMAL_SIZE = 39, /* 18 digits, point, 18 digits */
    ORDER_METADATA_MAX = 4096,
    ORDER_ZEROS_MAX = 32768,     /* largest json_exponents_sum() of metadata; see `replay_only` */
    ORDER_BYTES_MAX = 64 * 1024, /* of the document; a usual document has less than a tenth */
    ORDER_DEPTH_MAX = 8,         /* nesting of the document; the order object is level 1 */
    ORDER_ERRORS_MAX = 16,
};

enum order_side { ORDER_BUY, ORDER_SELL };
enum order_type { ORDER_MARKET, ORDER_LIMIT, ORDER_STOP, ORDER_STOP_LIMIT };
enum order_tif { ORDER_DAY, ORDER_GTC, ORDER_IOC, ORDER_FOK };

struct order {
    char order_id[ORDER_ID_SIZE]; /* UUIDv7, set by order_stamp(); "" before that */
    int64_t received_at_us;       /* Unix time, set by order_stamp(); 0 before that */
    /* The name of the API key that posted the order. "": no key was required, or an older version
     * stored the order. Stored and shown, but never compared, and no client can set it. */
    char submitted_by[ORDER_NAME_SIZE];
    char account_id[ORDER_NAME_SIZE];
    char client_order_id[ORDER_NAME_SIZE];
    char symbol[ORDER_SYMBOL_SIZE];
    enum order_side side;
    enum order_type type;
    enum order_tif time_in_force;
    char quantity[ORDER_DECIMAL_SIZE];    /* canonical: no trailing zeros, no trailing point */
    char limit_price[ORDER_DECIMAL_SIZE]; /* "" when absent */
    char stop_price[ORDER_DECIMAL_SIZE];  /* "" when absent */
    int64_t sent_at_us, max_age_ms;       /* 0 when absent; neither stored nor compared */
    char *metadata; /* owned; the bytes that the client sent, and a NUL; NULL when absent */
    size_t metadata_len;
    /* The metadata has numbers such as 1e308, and the exponents add up to more than
     * ORDER_ZEROS_MAX. The database writes such a number out, as 1 and 308 zeros, so such numbers
     * could make the order fifty times as large. A new order of this kind is rejected. Older
     * versions stored such orders: if a stored one is sent again, it is still answered as a
     * replay. */
    bool replay_only;
};

/* The names of the enum values in JSON and SQL. */
const char *order_side_name(enum order_side side);
const char *order_type_name(enum order_type type);
const char *order_tif_name(enum order_tif tif);
bool order_side_of(const char *name, enum order_side *out) MUST_CHECK;
bool order_type_of(const char *name, enum order_type *out) MUST_CHECK;
bool order_tif_of(const char *name, enum order_tif *out) MUST_CHECK;

struct order_error {
    char pointer[96]; /* JSON pointer (RFC 6901); "" means the document */
    const char *code; /* static: one of order_codes.def */
    char detail[160]; /* what is wrong, and what would be right */
};

enum order_rc {
    ORDER_OK,
    ORDER_MALFORMED, /* not JSON, or beyond a limit of the document: 400 */
    ORDER_INVALID,   /* order_problem.errors lists the fields that break a rule: 422 */
    ORDER_NOMEM,
};

struct order_problem {
    const char *code; /* static, from order_codes.def; only for MALFORMED */
    char detail[200]; /* only for MALFORMED */
    long offset;      /* only for MALFORMED: offset in the body, or -1 */
    size_t n_errors;  /* only for INVALID */
    struct order_error errors[ORDER_ERRORS_MAX];
};

/* Parses one order object of at most ORDER_BYTES_MAX bytes. `idempotency_key` (may be NULL) becomes
 * the client_order_id if the document has none. A key that differs from the document's
 * client_order_id is a field error. On ORDER_OK, *out is written and the caller owns it; otherwise
 * only *problem is written. If problem is NULL, parsing stops at the first field error, and no
 * error text is made. */
enum order_rc order_parse(const char *body, size_t len, const char *idempotency_key,
                          struct order *out, struct order_problem *problem) MUST_CHECK;

/* Rejects a replay_only order that is not a replay: fills in *problem as order_parse() does when it
 * returns ORDER_INVALID. */
void order_reject_replay_only(struct order_problem *problem);

/* Sets order_id to a new UUIDv7 of the time now_us, and received_at_us to now_us. */
void order_stamp(struct order *order, int64_t now_us);

/* Sets submitted_by to a copy of the key's name, which has fewer than ORDER_NAME_SIZE characters.
 * NULL: there is no key. */
void order_set_submitted_by(struct order *order, const char *key_name);

/* Returns true if the text is valid as an account_id or a client_order_id. */
bool order_name_is_valid(const char *name) MUST_CHECK;

/* Returns true if the order has sent_at and max_age_ms, and their sum has passed. */
bool order_is_stale(const struct order *order, int64_t now_us);

/* Compares two order keys bytewise, as COLLATE "C" does in the table. */
int order_compare_key(const struct order *a, const struct order *b);

enum order_field_bit {
    ORDER_DIFF_SYMBOL = 1u << 0,
    ORDER_DIFF_SIDE = 1u << 1,
    ORDER_DIFF_TYPE = 1u << 2,
    ORDER_DIFF_QUANTITY = 1u << 3,
    ORDER_DIFF_LIMIT_PRICE = 1u << 4,
    ORDER_DIFF_STOP_PRICE = 1u << 5,
    ORDER_DIFF_TIME_IN_FORCE = 1u << 6,
    ORDER_DIFF_METADATA = 1u << 7, /* set only by the store: the database compares the metadata */
};

/* Compares what the clients sent in two orders that have the same key, but does not compare their
 * metadata. Returns the fields that differ, as bits of enum order_field_bit. */
unsigned order_diff(const struct order *a, const struct order *b);

/* Writes a JSON array with the names of the fields in `diff`. */
void order_diff_render(struct buf *out, unsigned diff);

/* Writes the order as the API shows it: the fields of the client, order_id, received_at,
 * submitted_by if there is one, status "accepted" and `replayed`. An order without an order_id was
 * only validated: then the status is "valid", and order_id, received_at, submitted_by and
 * `replayed` are left out. */
void order_render(struct buf *out, const struct order *order, bool replayed);

/* Writes only order_id, status and `replayed`. */
void order_render_brief(struct buf *out, const struct order *order, bool replayed);

void order_fini(struct order *order);

#endif

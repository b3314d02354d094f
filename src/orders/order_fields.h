/* order_fields.h - the fields of an order document, one row each, and the rules between fields. */
#ifndef ORDERS_ORDER_FIELDS_H
#define ORDERS_ORDER_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "orders/json_scan.h"
#include "orders/order.h"
#include "orders/order_errors.h"

enum order_field_id {
    FIELD_ACCOUNT_ID,
    FIELD_CLIENT_ORDER_ID,
    FIELD_SYMBOL,
    FIELD_SIDE,
    FIELD_TYPE,
    FIELD_QUANTITY,
    FIELD_LIMIT_PRICE,
    FIELD_STOP_PRICE,
    FIELD_TIME_IN_FORCE,
    FIELD_SENT_AT,
    FIELD_MAX_AGE_MS,
    FIELD_METADATA,
    FIELD_COUNT,
};

/* An order while its document is being parsed. It starts as zeros, with errors.problem set. */
struct order_draft {
    struct order order;
    struct json_token metadata; /* borrowed from the body; .at is NULL when absent */
    /* Two bit sets; the bit of a field is 1u << enum order_field_id. `present`: the document has
     * the field, and it is not null. `good`: the field is also valid. */
    unsigned present, good;
    struct order_errors errors;
};

/* One value of the document: the token as the client wrote it, and, only for a string, the decoded
 * text. For other values, `text` is NULL. */
struct order_value {
    struct json_token token;
    const char *text;
};

struct order_field_error {
    enum order_code code;
    const char *want; /* what would be valid; NULL: the field's own `want` */
};

struct order_field {
    const char *name;
    size_t name_len;
    /* If the value is valid, writes it to the draft and returns NULL. Otherwise returns the
     * error. */
    const struct order_field_error *(*read)(const struct order_field *field,
                                            const struct order_value *value,
                                            struct order_draft *draft);
    const char *want; /* what would be valid: "must be ..." */
    /* Only for account_id, client_order_id and symbol: returns true if the value may have c. */
    bool (*allows)(char c);
    size_t offset, size; /* of the member of struct order; only if that is an array of char */
    bool required;
};

extern const struct order_field order_fields[FIELD_COUNT];

/* For account_id, client_order_id and symbol: returns how many characters at the beginning of the
 * text the field allows. */
size_t order_field_span(const struct order_field *field, const char *text);

/* Returns the field of that name, or FIELD_COUNT if there is none. */
enum order_field_id order_field_find(const char *name, size_t len);

/* Checks the value of a field, and adds it or an error to the draft. */
void order_draft_read_field(struct order_draft *draft, enum order_field_id id,
                            const struct order_value *value);

/* Checks one member of the document, and adds its value or an error to the draft. A name that no
 * field has is an error. */
void order_draft_read(struct order_draft *draft, const char *name, const struct order_value *value);

/* Checks the rules between fields, after all members were read: required fields, prices, age.
 * `idempotency_key` (may be NULL) becomes the client_order_id if the document has none. */
void order_draft_finish(struct order_draft *draft, const char *idempotency_key, int64_t now_us);

/* Copies the order of a draft without errors to *out, and its metadata to new memory. Returns false
 * if memory runs out. */
bool order_draft_take(const struct order_draft *draft, struct order *out) MUST_CHECK;

#endif

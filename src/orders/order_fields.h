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

/* An order while its document is being parsed. Start with zeros, and set errors.problem. */
struct order_draft {
    struct order order;
    struct json_token metadata; /* borrowed from the body; .at is NULL when absent */
    /* Two sets of 1u << enum order_field_id. `present`: fields that were given and are not null.
     * `good`: fields that are valid. */
    unsigned present, good;
    struct order_errors errors;
};

/* One value of the document: the token as written, and the decoded text if it is a string (else
 * NULL). */
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
    /* Writes the value to the draft and returns NULL if it is valid; otherwise returns the
     * error. */
    const struct order_field_error *(*read)(const struct order_field *field,
                                            const struct order_value *value,
                                            struct order_draft *draft);
    const char *want;    /* what would be valid: "must be ..." */
    const char *allowed; /* names: the allowed characters */
    size_t offset, size; /* names and decimals: the array's place in struct order */
    bool required;
};

extern const struct order_field order_fields[FIELD_COUNT];

/* Parses one member of the document. */
void order_draft_read(struct order_draft *draft, const char *name, const struct order_value *value);

/* Checks the rules between fields after all members were read: required fields, fields that exclude
 * each other, and the idempotency key (may be NULL), which is used if client_order_id is absent. */
void order_draft_finish(struct order_draft *draft, const char *idempotency_key, int64_t now_us);

#endif

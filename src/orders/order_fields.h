/* order_fields.h - the fields of an order document: one row each, and the rules between them. */
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

/* An order while its document is being read. Zeroed, with errors.problem set, to begin with. */
struct order_draft {
    struct order order;
    struct json_token metadata; /* borrowed from the body; .at is NULL when absent */
    unsigned present, good; /* by 1u << enum order_field_id: was given (and not null); is right */
    struct order_errors errors;
};

/* One value, both ways: as it was written, and the decoded text of a string (else NULL). */
struct order_value {
    struct json_token token;
    const char *text;
};

struct order_refusal {
    enum order_code code;
    const char *want; /* NULL: as the field's row says */
};

struct order_field {
    const char *name;
    /* NULL when the value is right and was written to the draft. */
    const struct order_refusal *(*read)(const struct order_field *field,
                                        const struct order_value *value, struct order_draft *draft);
    const char *want;    /* what would be right: "must be ..." */
    const char *allowed; /* names: their characters */
    size_t offset, size; /* names and decimals: the array in struct order */
    bool required;
};

extern const struct order_field order_fields[FIELD_COUNT];

/* Reads one member of the document. */
void order_draft_read(struct order_draft *draft, const char *name, const struct order_value *value);

/* The rules between fields, once all members are read: what is missing, what excludes what, and the
 * idempotency key (may be NULL), which stands for client_order_id. */
void order_draft_finish(struct order_draft *draft, const char *idempotency_key, int64_t now_us);

#endif

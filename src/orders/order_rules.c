/* order_rules.c - checks the rules between fields, and copies the order out of a draft. If a field
 * that a rule needs is invalid, the rule is skipped, because that field already has an error. */
#include "orders/order_fields.h"

#include <string.h>

#include "base/rfc3339.h"

enum { US_PER_MS = 1000 };

static bool is_present(const struct order_draft *draft, enum order_field_id id)
{
    return (draft->present & 1u << id) != 0;
}

static bool is_good(const struct order_draft *draft, enum order_field_id id)
{
    return (draft->good & 1u << id) != 0;
}

/* Accepts a bare key, or a quoted string as in RFC 8941. There, a backslash can only escape a quote
 * or a backslash; a client_order_id may have neither, so escapes are rejected. */
static bool unquote_key(const char *key, char out[ORDER_NAME_SIZE])
{
    size_t len = strlen(key);
    if (len >= 2 && key[0] == '"' && key[len - 1] == '"') {
        key++;
        len -= 2;
    }
    if (len == 0 || len >= ORDER_NAME_SIZE)
        return false;
    if (order_field_span(&order_fields[FIELD_CLIENT_ORDER_ID], key) < len)
        return false;
    memcpy(out, key, len);
    out[len] = '\0';
    return true;
}

static void apply_key(struct order_draft *draft, const char *key)
{
    const struct order_field *field = &order_fields[FIELD_CLIENT_ORDER_ID];
    char id[ORDER_NAME_SIZE];
    if (!unquote_key(key, id)) {
        char shown[ORDER_SHOWN_SIZE];
        order_errors_quote((struct json_token){ key, strlen(key) }, shown);
        order_errors_add(&draft->errors, field->name, ORDER_CODE_INVALID_IDEMPOTENCY_KEY,
                         "Idempotency-Key must be %s, not %s", field->want, shown);
    } else if (!is_present(draft, FIELD_CLIENT_ORDER_ID)) {
        memcpy(draft->order.client_order_id, id, sizeof id);
    } else if (is_good(draft, FIELD_CLIENT_ORDER_ID) &&
               strcmp(id, draft->order.client_order_id) != 0) {
        order_errors_add(&draft->errors, field->name, ORDER_CODE_IDEMPOTENCY_KEY_MISMATCH,
                         "must be the same as Idempotency-Key, %s, or left out", id);
    }
    draft->present |= 1u << FIELD_CLIENT_ORDER_ID;
}

static void check_required(struct order_draft *draft)
{
    for (unsigned id = 0; id < FIELD_COUNT; id++)
        if (order_fields[id].required && !is_present(draft, (enum order_field_id)id))
            order_errors_add(&draft->errors, order_fields[id].name, ORDER_CODE_REQUIRED,
                             "is missing: must be %s", order_fields[id].want);
}

static void check_price(struct order_draft *draft, enum order_field_id id, bool needed)
{
    const char *name = order_fields[id].name, *type = order_type_name(draft->order.type);
    if (needed && !is_present(draft, id))
        order_errors_add(&draft->errors, name, ORDER_CODE_REQUIRED,
                         "is missing: an order of type %s has one", type);
    if (!needed && is_present(draft, id))
        order_errors_add(&draft->errors, name, ORDER_CODE_FORBIDDEN,
                         "must be left out: an order of type %s has none", type);
}

static void check_prices(struct order_draft *draft)
{
    enum order_type type = draft->order.type;
    if (!is_good(draft, FIELD_TYPE))
        return;
    check_price(draft, FIELD_LIMIT_PRICE, type == ORDER_LIMIT || type == ORDER_STOP_LIMIT);
    check_price(draft, FIELD_STOP_PRICE, type == ORDER_STOP || type == ORDER_STOP_LIMIT);
}

static void check_age(struct order_draft *draft, int64_t now_us)
{
    const struct order *order = &draft->order;
    bool sent = is_present(draft, FIELD_SENT_AT), aged = is_present(draft, FIELD_MAX_AGE_MS);
    if (sent != aged)
        order_errors_add(&draft->errors, order_fields[sent ? FIELD_MAX_AGE_MS : FIELD_SENT_AT].name,
                         ORDER_CODE_REQUIRED,
                         "is missing: sent_at and max_age_ms go together or not at all");
    if (!is_good(draft, FIELD_SENT_AT) || !is_good(draft, FIELD_MAX_AGE_MS))
        return;
    if (order->sent_at_us - now_us > order->max_age_ms * US_PER_MS) {
        char now[RFC3339_SIZE];
        rfc3339_format_us(now_us, now);
        order_errors_add(&draft->errors, order_fields[FIELD_SENT_AT].name, ORDER_CODE_IN_THE_FUTURE,
                         "must be at most max_age_ms ahead of the server's clock, now %s", now);
    }
}

static void reject_long_numbers(struct order_errors *errors)
{
    order_errors_add(
        errors, "metadata", ORDER_CODE_NUMBER_OUT_OF_RANGE,
        "must be free of numbers that have over %d digits in all when they are written "
        "out (1e308 has 309): send such numbers as strings",
        ORDER_ZEROS_MAX);
}

void order_reject_replay_only(struct order_problem *problem)
{
    struct order_errors errors = { .problem = problem };
    reject_long_numbers(&errors);
}

void order_draft_finish(struct order_draft *draft, const char *idempotency_key, int64_t now_us)
{
    if (idempotency_key != NULL)
        apply_key(draft, idempotency_key);
    check_required(draft);
    check_prices(draft);
    check_age(draft, now_us);
    if (draft->errors.n > 0 && draft->order.replay_only) /* an invalid order cannot be a replay */
        reject_long_numbers(&draft->errors);
}

bool order_draft_take(const struct order_draft *draft, struct order *out)
{
    char *metadata = NULL;
    if (draft->metadata.at != NULL) {
        metadata = strndup(draft->metadata.at, draft->metadata.len);
        if (metadata == NULL)
            return false;
    }
    *out = draft->order;
    out->metadata = metadata;
    out->metadata_len = draft->metadata.len;
    return true;
}

/* order_fields.c - checks each field of an order. The table has one row for each field, and there
 * is one function for each kind of value. To add a field, add a row. */
#include "orders/order_fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/rfc3339.h"
#include "orders/decimal.h"

enum {
    DOUBLE_DIGITS = 15, /* a decimal of up to 15 digits survives conversion to double and back */
    MAX_AGE_MS_MAX = 60000,
    METADATA_EXPONENT_MAX = 308, /* as in a double; PostgreSQL's jsonb allows more */
};

#define NAME_WANT "1 to 64 characters of A-Z a-z 0-9 . _ : / -"
#define DECIMAL_WANT "a decimal above 0, with at most 18 digits before and 18 after the point"

static const struct order_field_error wrong_type = { .code = ORDER_CODE_WRONG_TYPE };
static const struct order_field_error invalid_format = { .code = ORDER_CODE_INVALID_FORMAT };
static const struct order_field_error invalid_value = { .code = ORDER_CODE_INVALID_VALUE };
static const struct order_field_error invalid_decimal = { .code = ORDER_CODE_INVALID_DECIMAL };
static const struct order_field_error not_positive = { ORDER_CODE_NOT_POSITIVE, "greater than 0" };
static const struct order_field_error not_exact = {
    ORDER_CODE_NUMBER_NOT_EXACT,
    "sent as a string (a number with an exponent or over 15 digits is not exact)",
};
static const struct order_field_error out_of_range = { .code = ORDER_CODE_OUT_OF_RANGE };
static const struct order_field_error too_large = { .code = ORDER_CODE_TOO_LARGE };
static const struct order_field_error number_out_of_range = {
    ORDER_CODE_NUMBER_OUT_OF_RANGE,
    "free of numbers with an exponent beyond -308 to 308",
};

static bool is_symbol_char(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '/' ||
           c == '_';
}

static bool is_name_char(char c)
{
    return is_symbol_char(c) || (c >= 'a' && c <= 'z') || c == ':';
}

size_t order_field_span(const struct order_field *field, const char *text)
{
    size_t len = 0;
    while (field->allows(text[len]))
        len++;
    return len;
}

static bool is_number(const struct order_value *value)
{
    char first = value->token.at[0];
    return first == '-' || (first >= '0' && first <= '9');
}

static const struct order_field_error *read_name(const struct order_field *field,
                                                 const struct order_value *value,
                                                 struct order_draft *draft)
{
    if (value->text == NULL)
        return &wrong_type;
    size_t len = order_field_span(field, value->text);
    if (len == 0 || len >= field->size || value->text[len] != '\0')
        return &invalid_format;
    memcpy((char *)&draft->order + field->offset, value->text, len + 1);
    return NULL;
}

static const struct order_field_error *read_side(const struct order_field *field UNUSED,
                                                 const struct order_value *value,
                                                 struct order_draft *draft)
{
    if (value->text == NULL)
        return &wrong_type;
    return order_side_of(value->text, &draft->order.side) ? NULL : &invalid_value;
}

static const struct order_field_error *read_type(const struct order_field *field UNUSED,
                                                 const struct order_value *value,
                                                 struct order_draft *draft)
{
    if (value->text == NULL)
        return &wrong_type;
    return order_type_of(value->text, &draft->order.type) ? NULL : &invalid_value;
}

static const struct order_field_error *read_tif(const struct order_field *field UNUSED,
                                                const struct order_value *value,
                                                struct order_draft *draft)
{
    if (value->text == NULL)
        return &wrong_type;
    return order_tif_of(value->text, &draft->order.time_in_force) ? NULL : &invalid_value;
}

/* Returns true for a JSON number that most JSON libraries would change if they read it and wrote it
 * again. */
static bool is_inexact(struct json_token number)
{
    return memchr(number.at, 'e', number.len) != NULL ||
           memchr(number.at, 'E', number.len) != NULL ||
           decimal_digits(number.at, number.len) > DOUBLE_DIGITS;
}

static const struct order_field_error *read_decimal(const struct order_field *field,
                                                    const struct order_value *value,
                                                    struct order_draft *draft)
{
    struct json_token digits = value->token;
    if (value->text != NULL)
        digits = (struct json_token){ value->text, strlen(value->text) };
    else if (!is_number(value))
        return &wrong_type;
    else if (digits.at[0] != '-' && is_inexact(digits))
        return &not_exact;
    char *out = (char *)&draft->order + field->offset;
    if (!decimal_canonical(digits.at, digits.len, out))
        return &invalid_decimal;
    return decimal_is_zero(out) ? &not_positive : NULL;
}

static const struct order_field_error *read_sent_at(const struct order_field *field UNUSED,
                                                    const struct order_value *value,
                                                    struct order_draft *draft)
{
    if (value->text == NULL)
        return &wrong_type;
    return rfc3339_parse_us(value->text, &draft->order.sent_at_us) ? NULL : &invalid_format;
}

/* Reads max_age_ms. The loop ends when `ms` exceeds MAX_AGE_MS_MAX, so `ms` cannot overflow. */
static const struct order_field_error *read_max_age(const struct order_field *field UNUSED,
                                                    const struct order_value *value,
                                                    struct order_draft *draft)
{
    const struct json_token *token = &value->token;
    int64_t ms = 0;
    if (!is_number(value))
        return &wrong_type;
    for (size_t i = 0; i < token->len; i++) {
        if (token->at[i] < '0' || token->at[i] > '9' || ms > MAX_AGE_MS_MAX)
            return &out_of_range;
        ms = ms * 10 + (token->at[i] - '0');
    }
    if (ms < 1 || ms > MAX_AGE_MS_MAX)
        return &out_of_range;
    draft->order.max_age_ms = ms;
    return NULL;
}

static const struct order_field_error *read_metadata(const struct order_field *field UNUSED,
                                                     const struct order_value *value,
                                                     struct order_draft *draft)
{
    if (value->token.at[0] != '{')
        return &wrong_type;
    if (value->token.len > ORDER_METADATA_MAX)
        return &too_large;
    if (!json_exponents_within(value->token, METADATA_EXPONENT_MAX))
        return &number_out_of_range;
    draft->order.replay_only = json_exponents_sum(value->token) > ORDER_ZEROS_MAX;
    draft->metadata = value->token;
    return NULL;
}

#define NAMED(text) .name = (text), .name_len = sizeof(text) - 1
#define IN(member)                                                                                 \
    .offset = offsetof(struct order, member), .size = sizeof((struct order *)0)->member

/* clang-format off */
const struct order_field order_fields[FIELD_COUNT] = {
    [FIELD_ACCOUNT_ID] = {
        NAMED("account_id"), .read = read_name, .required = true, IN(account_id),
        .want = NAME_WANT, .allows = is_name_char },
    [FIELD_CLIENT_ORDER_ID] = {
        NAMED("client_order_id"), .read = read_name, .required = true, IN(client_order_id),
        .want = NAME_WANT, .allows = is_name_char },
    [FIELD_SYMBOL] = {
        NAMED("symbol"), .read = read_name, .required = true, IN(symbol),
        .want = "1 to 32 characters of A-Z 0-9 . _ / -", .allows = is_symbol_char },
    [FIELD_SIDE] = {
        NAMED("side"), .read = read_side, .required = true, .want = "buy or sell" },
    [FIELD_TYPE] = {
        NAMED("type"), .read = read_type, .required = true,
        .want = "market, limit, stop or stop_limit" },
    [FIELD_QUANTITY] = {
        NAMED("quantity"), .read = read_decimal, .required = true, IN(quantity),
        .want = DECIMAL_WANT },
    [FIELD_LIMIT_PRICE] = {
        NAMED("limit_price"), .read = read_decimal, IN(limit_price), .want = DECIMAL_WANT },
    [FIELD_STOP_PRICE] = {
        NAMED("stop_price"), .read = read_decimal, IN(stop_price), .want = DECIMAL_WANT },
    [FIELD_TIME_IN_FORCE] = {
        NAMED("time_in_force"), .read = read_tif, .want = "day, gtc, ioc or fok" },
    [FIELD_SENT_AT] = {
        NAMED("sent_at"), .read = read_sent_at,
        .want = "a moment in UTC such as 2026-01-31T12:00:00.250Z (Z or +00:00, no other offset)" },
    [FIELD_MAX_AGE_MS] = {
        NAMED("max_age_ms"), .read = read_max_age, .want = "an integer from 1 to 60000" },
    [FIELD_METADATA] = {
        NAMED("metadata"), .read = read_metadata, .want = "an object of at most 4096 bytes" },
};
/* clang-format on */

enum order_field_id order_field_find(const char *name, size_t len)
{
    unsigned id = 0;
    while (id < FIELD_COUNT &&
           (order_fields[id].name_len != len || memcmp(order_fields[id].name, name, len) != 0))
        id++;
    return (enum order_field_id)id;
}

static void reject_unknown(struct order_draft *draft, const char *name)
{
    char memory[160];
    struct buf names = BUF_OVER(memory);
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        buf_add_char(&names, ' ');
        buf_add_str(&names, order_fields[i].name);
    }
    order_errors_add(&draft->errors, name, ORDER_CODE_UNKNOWN_FIELD, "an order has only%s",
                     names.data);
}

void order_draft_read_field(struct order_draft *draft, enum order_field_id id,
                            const struct order_value *value)
{
    if (value->token.at[0] == 'n') /* null counts as absent */
        return;
    const struct order_field *field = &order_fields[id];
    const struct order_field_error *error = field->read(field, value, draft);
    draft->present |= 1u << id;
    if (error == NULL) {
        draft->good |= 1u << id;
        return;
    }
    char shown[ORDER_SHOWN_SIZE];
    order_errors_quote(value->token, shown);
    order_errors_add(&draft->errors, field->name, error->code, "must be %s, not %s",
                     error->want != NULL ? error->want : field->want, shown);
}

void order_draft_read(struct order_draft *draft, const char *name, const struct order_value *value)
{
    enum order_field_id id = order_field_find(name, strlen(name));
    if (id == FIELD_COUNT)
        reject_unknown(draft, name);
    else
        order_draft_read_field(draft, id, value);
}

bool order_name_is_valid(const char *name)
{
    size_t len = order_field_span(&order_fields[FIELD_ACCOUNT_ID], name);
    return len > 0 && len < ORDER_NAME_SIZE && name[len] == '\0';
}

/* order_plain.c - see order_plain.h. Each take_...() function parses one part of the document at
 * the cursor, and moves the cursor after that part. It returns false if the text does not go on
 * with such a part. If the part is not optional, the document is then not plain, and nothing more
 * is read. */
#include "orders/order_plain.h"

#include <string.h>

#include "base/buf.h"

enum {
    TEXT_SIZE = 80,    /* no valid value of a field other than metadata is longer */
    NUMBER_MAX = 64,   /* so that no number is beyond the range of a double */
    METADATA_KEYS = 8, /* each key is compared with those before it */
};

struct cursor {
    const char *at, *end;
};

static void skip_spaces(struct cursor *in)
{
    while (in->at < in->end && json_is_space(*in->at))
        in->at++;
}

static bool take_char(struct cursor *in, char c)
{
    skip_spaces(in);
    if (in->at == in->end || *in->at != c)
        return false;
    in->at++;
    return true;
}

/* Parses a string. *inside is the text between its quotes. */
static bool take_string(struct cursor *in, struct json_token *inside)
{
    if (!take_char(in, '"'))
        return false;
    *inside = (struct json_token){ in->at, buf_json_plain(in->at, (size_t)(in->end - in->at)) };
    in->at += inside->len;
    return in->at < in->end && *in->at++ == '"';
}

static size_t take_digits(struct cursor *in)
{
    const char *begin = in->at;
    while (in->at < in->end && *in->at >= '0' && *in->at <= '9')
        in->at++;
    return (size_t)(in->at - begin);
}

static bool take_number(struct cursor *in, struct json_token *number)
{
    const char *begin = in->at;
    size_t whole = take_digits(in);
    if (whole == 0 || (whole > 1 && *begin == '0'))
        return false;
    if (in->at < in->end && *in->at == '.') {
        in->at++;
        if (take_digits(in) == 0)
            return false;
    }
    *number = (struct json_token){ begin, (size_t)(in->at - begin) };
    return number->len <= NUMBER_MAX;
}

static bool take_word(struct cursor *in, const char *word, struct json_token *token)
{
    size_t len = strlen(word);
    if ((size_t)(in->end - in->at) < len || memcmp(in->at, word, len) != 0)
        return false;
    *token = (struct json_token){ in->at, len };
    in->at += len;
    return true;
}

/* Parses a value that is neither an object nor an array. *inside is the text between the quotes of
 * a string. For other values, inside->at is NULL. */
static bool take_scalar(struct cursor *in, struct json_token *token, struct json_token *inside)
{
    *inside = (struct json_token){ NULL, 0 };
    skip_spaces(in);
    if (in->at == in->end)
        return false;
    const char *begin = in->at;
    switch (*begin) {
    case '"':
        if (!take_string(in, inside))
            return false;
        *token = (struct json_token){ begin, (size_t)(in->at - begin) };
        return true;
    case 'n':
        return take_word(in, "null", token);
    case 't':
        return take_word(in, "true", token);
    case 'f':
        return take_word(in, "false", token);
    default:
        return take_number(in, token);
    }
}

static bool is_among(struct json_token key, const struct json_token *keys, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (keys[i].len == key.len && memcmp(keys[i].at, key.at, key.len) == 0)
            return true;
    return false;
}

/* Parses an object of scalars. The cursor must be at its opening bracket. */
static bool take_metadata(struct cursor *in, struct json_token *object)
{
    struct json_token keys[METADATA_KEYS], token, inside;
    const char *begin = in->at++;
    size_t n = 0;
    if (!take_char(in, '}')) {
        do {
            if (n == METADATA_KEYS || !take_string(in, &keys[n]) || !take_char(in, ':') ||
                is_among(keys[n], keys, n) || !take_scalar(in, &token, &inside))
                return false;
            n++;
        } while (take_char(in, ','));
        if (!take_char(in, '}'))
            return false;
    }
    *object = (struct json_token){ begin, (size_t)(in->at - begin) };
    return true;
}

/* Parses the value of a field into the draft. */
static bool take_field(struct cursor *in, enum order_field_id id, struct order_draft *draft)
{
    struct order_value value = { .text = NULL };
    struct json_token inside = { NULL, 0 };
    char text[TEXT_SIZE];
    skip_spaces(in);
    bool is_object = in->at < in->end && *in->at == '{';
    if (is_object ? id != FIELD_METADATA || !take_metadata(in, &value.token)
                  : !take_scalar(in, &value.token, &inside))
        return false;
    if (inside.len >= sizeof text)
        return false;
    if (inside.at != NULL) {
        memcpy(text, inside.at, inside.len);
        text[inside.len] = '\0';
        value.text = text;
    }
    order_draft_read_field(draft, id, &value);
    return draft->errors.n == 0;
}

static bool take_members(struct cursor *in, struct order_draft *draft)
{
    unsigned seen = 0;
    do {
        struct json_token name;
        if (!take_string(in, &name) || !take_char(in, ':'))
            return false;
        enum order_field_id id = order_field_find(name.at, name.len);
        if (id == FIELD_COUNT || (seen & 1u << id) != 0 || !take_field(in, id, draft))
            return false;
        seen |= 1u << id;
    } while (take_char(in, ','));
    return true;
}

bool order_plain_parse(struct json_token text, const char *idempotency_key, int64_t now_us,
                       struct order_draft *draft)
{
    struct cursor in = { text.at, text.at + text.len };
    if (text.len > ORDER_BYTES_MAX || !take_char(&in, '{') || !take_members(&in, draft) ||
        !take_char(&in, '}'))
        return false;
    skip_spaces(&in);
    if (in.at != in.end)
        return false;
    order_draft_finish(draft, idempotency_key, now_us);
    return draft->errors.n == 0;
}

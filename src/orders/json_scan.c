/* json_scan.c - see json_scan.h. All functions rely on two facts: brackets and digits are syntax
 * only outside strings, and a string ends at the first quote that no backslash escapes. */
#include "orders/json_scan.h"

#include <limits.h>
#include <string.h>

/* Returns the position after the string whose opening quote is at `at`, or NULL if the string is
 * not closed. */
static const char *string_end(const char *at, const char *end)
{
    for (at++; at < end; at++) {
        if (*at == '"')
            return at + 1;
        if (*at == '\\' && at + 1 < end)
            at++;
    }
    return NULL;
}

static const char *after_string(const char *at, const char *end)
{
    const char *stop = string_end(at, end);
    return stop != NULL ? stop : end;
}

static bool opens(char c)
{
    return c == '{' || c == '[';
}

static bool closes(char c)
{
    return c == '}' || c == ']';
}

static const char *find_bracket(const char *at, const char *end)
{
    while (at < end && !opens(*at) && !closes(*at))
        at = *at == '"' ? after_string(at, end) : at + 1;
    return at;
}

bool json_too_deep(struct json_token text, int max, size_t *offset)
{
    const char *end = text.at + text.len;
    long depth = 0;
    for (const char *at = find_bracket(text.at, end); at < end; at = find_bracket(at + 1, end)) {
        depth += opens(*at) ? 1 : -1;
        if (depth > max) {
            *offset = (size_t)(at - text.at);
            return true;
        }
    }
    return false;
}

/* Returns the position after the object or array whose opening bracket is at `at`, or NULL if the
 * object or array is not closed. */
static const char *brackets_end(const char *at, const char *end)
{
    long depth = 0;
    for (; at < end; at = find_bracket(at + 1, end)) {
        depth += opens(*at) ? 1 : -1;
        if (depth == 0)
            return at + 1;
    }
    return NULL;
}

bool json_is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool json_begins_value(char c)
{
    return c == '"' || opens(c) || is_digit(c) || c == '-' || c == 't' || c == 'f' || c == 'n';
}

/* Returns the position after the value that begins at `at`. Returns NULL if the value is a string,
 * object or array that is not closed. */
static const char *value_end(const char *at, const char *end)
{
    if (at < end && *at == '"')
        return string_end(at, end);
    if (at < end && opens(*at))
        return brackets_end(at, end);
    while (at < end && *at != ',' && !closes(*at) && !json_is_space(*at))
        at++;
    return at;
}

bool json_first_value(struct json_token text, struct json_token *value)
{
    const char *stop = value_end(text.at, text.at + text.len);
    if (stop == NULL)
        return false;
    *value = (struct json_token){ text.at, (size_t)(stop - text.at) };
    return true;
}

bool json_next_value(struct json_token *rest, struct json_token *value)
{
    const char *end = rest->at + rest->len;
    const char *at = memchr(rest->at, '"', rest->len); /* the quote that opens the key */
    if (at == NULL)
        return false;
    at = after_string(at, end);
    while (at < end && (json_is_space(*at) || *at == ':'))
        at++;
    const char *stop = value_end(at, end);
    if (stop == NULL)
        stop = end;
    *value = (struct json_token){ at, (size_t)(stop - at) };
    *rest = (struct json_token){ stop, (size_t)(end - stop) };
    return true;
}

/* Returns the absolute value of the exponent whose "e" is at `at`. Returns 0 if that "e" belongs to
 * `true` or `false`. Stops reading digits once the value exceeds max. */
static int exponent_size(const char *at, const char *end, int max)
{
    int size = 0;
    at++;
    if (at < end && (*at == '+' || *at == '-'))
        at++;
    for (; at < end && is_digit(*at) && size <= max; at++)
        size = size * 10 + (*at - '0');
    return size;
}

/* Returns the position of the next "e" outside strings, or `end` if there is no "e". */
static const char *find_exponent(const char *at, const char *end)
{
    while (at < end && *at != 'e' && *at != 'E')
        at = *at == '"' ? after_string(at, end) : at + 1;
    return at;
}

bool json_exponents_within(struct json_token text, int max)
{
    const char *end = text.at + text.len;
    for (const char *at = find_exponent(text.at, end); at < end; at = find_exponent(at + 1, end))
        if (exponent_size(at, end, max) > max)
            return false;
    return true;
}

size_t json_exponents_sum(struct json_token text)
{
    const char *end = text.at + text.len;
    size_t sum = 0;
    for (const char *at = find_exponent(text.at, end); at < end; at = find_exponent(at + 1, end))
        sum += (size_t)exponent_size(at, end, INT_MAX / 10 - 1);
    return sum;
}

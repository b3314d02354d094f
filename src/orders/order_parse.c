/* order_parse.c - parses an order: in one pass if the document is plain (order_plain.h), else in
 * the general way. In the general way, jansson validates the document and decodes its strings, but
 * turns numbers into doubles. So json_scan.c walks the same bytes in parallel and returns each
 * value as the client wrote it. jansson iterates over the members of an object in the sequence of
 * the document, so the n-th member is the same for both. */
#include "orders/order.h"

#include <jansson.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "orders/json_scan.h"
#include "orders/order_codes.h"
#include "orders/order_fields.h"
#include "orders/order_plain.h"

static void PRINTF_LIKE(4, 5)
    say(struct order_problem *problem, enum order_code code, long offset, const char *fmt, ...)
{
    if (problem == NULL)
        return;
    problem->code = order_codes[code].code;
    problem->offset = offset;
    problem->n_errors = 0;
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(problem->detail, sizeof problem->detail, fmt, ap);
    va_end(ap);
}

/* jansson reports a failed allocation as a syntax error, or not at all. So a wrapper around its
 * allocator notes when memory runs out. */
static json_malloc_t plain_malloc;
static _Thread_local bool out_of_memory;

static void *watched_malloc(size_t size)
{
    void *memory = plain_malloc(size);
    if (memory == NULL)
        out_of_memory = true;
    return memory;
}

static void watch_allocator(void)
{
    json_free_t plain_free;
    json_get_alloc_funcs(&plain_malloc, &plain_free);
    json_set_alloc_funcs(watched_malloc, plain_free);
}

static json_t *load(struct json_token text, json_error_t *error)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    CHECK(pthread_once(&once, watch_allocator) == 0);
    out_of_memory = false;
    /* Integers are decoded as reals, because jansson rejects an integer of more than 64 bits, and
     * metadata may have such integers. */
    const size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL;
    return json_loadb(text.at, text.len, flags, error);
}

static enum order_rc reject_for_memory(struct order_problem *problem)
{
    if (problem == NULL)
        return ORDER_NOMEM;
    problem->code = ""; /* ORDER_NOMEM needs no code */
    problem->offset = -1;
    problem->n_errors = 0;
    (void)snprintf(problem->detail, sizeof problem->detail, "no memory for this order");
    return ORDER_NOMEM;
}

/* Translates an error of jansson into one of our codes. */
static enum order_rc reject_document(const json_error_t *error, struct order_problem *problem)
{
    static const struct {
        enum json_error_code theirs;
        enum order_code code;
        const char *advice;
    } rows[] = {
        { json_error_invalid_utf8, ORDER_CODE_INVALID_UTF8, "the body must be UTF-8" },
        { json_error_duplicate_key, ORDER_CODE_DUPLICATE_KEY, "each key may be given once" },
        { json_error_numeric_overflow, ORDER_CODE_NUMBER_OVERFLOW, "send it as a string" },
        { json_error_null_character, ORDER_CODE_NUL_CHARACTER, "no text may hold \\u0000" },
        { json_error_null_byte_in_key, ORDER_CODE_NUL_CHARACTER, "no text may hold \\u0000" },
    };
    if (out_of_memory)
        return reject_for_memory(problem);
    enum json_error_code theirs = json_error_code(error);
    size_t i = 0;
    while (i < sizeof rows / sizeof rows[0] && rows[i].theirs != theirs)
        i++;
    if (i < sizeof rows / sizeof rows[0])
        say(problem, rows[i].code, error->position, "%s: %s", error->text, rows[i].advice);
    else
        say(problem, ORDER_CODE_INVALID_JSON, error->position, "not JSON: %s", error->text);
    return ORDER_MALFORMED;
}

static void read_members(json_t *object, struct json_token body, struct order_draft *draft)
{
    const char *name;
    json_t *member;
    struct json_token rest = body;
    json_object_foreach(object, name, member)
    {
        struct order_value value = { .text = json_string_value(member) };
        CHECK(json_next_value(&rest, &value.token));
        CHECK((value.text != NULL) == (value.token.at[0] == '"'));
        order_draft_read(draft, name, &value);
        if (draft->errors.full)
            return;
    }
    struct json_token none;
    CHECK(!json_next_value(&rest, &none));
}

/* Returns the result of parsing, from a draft that has been read and checked. On ORDER_OK, *out is
 * written. */
static enum order_rc finish(const struct order_draft *draft, struct order *out)
{
    if (draft->errors.n > 0)
        return ORDER_INVALID;
    return order_draft_take(draft, out) ? ORDER_OK : reject_for_memory(draft->errors.problem);
}

/* Returns false, and fills in *problem, if the text must not be given to jansson. jansson recurses,
 * so the nesting is limited. jansson parses a document in one go, so the size is limited, to limit
 * the time. jansson ignores a NUL after a number, so a NUL is rejected here. */
static bool is_safe(struct json_token text, struct order_problem *problem)
{
    const char *nul = memchr(text.at, '\0', text.len);
    size_t offset;
    if (text.len > ORDER_BYTES_MAX)
        say(problem, ORDER_CODE_ORDER_TOO_LARGE, ORDER_BYTES_MAX,
            "an order of more than %d bytes: send it with fewer", ORDER_BYTES_MAX);
    else if (nul != NULL)
        say(problem, ORDER_CODE_NUL_CHARACTER, nul - text.at, "not JSON: a NUL byte");
    else if (json_too_deep(text, ORDER_DEPTH_MAX, &offset))
        say(problem, ORDER_CODE_NESTING_TOO_DEEP, (long)offset,
            "nesting deeper than %d levels, the order itself being the first", ORDER_DEPTH_MAX);
    else
        return true;
    return false;
}

enum order_rc order_parse_general(struct json_token text, const char *idempotency_key,
                                  struct order *out, struct order_problem *problem)
{
    json_error_t error;
    if (!is_safe(text, problem))
        return ORDER_MALFORMED;
    json_t *root = load(text, &error);
    if (root == NULL)
        return reject_document(&error, problem);

    struct order_draft draft = { .errors.problem = problem };
    if (json_is_object(root)) {
        read_members(root, text, &draft);
        order_draft_finish(&draft, idempotency_key, clock_wall_us());
    } else {
        order_errors_add(&draft.errors, NULL, ORDER_CODE_NOT_AN_OBJECT,
                         "an order must be a JSON object");
    }
    enum order_rc rc = finish(&draft, out);
    json_decref(root);
    return rc;
}

enum order_rc order_parse(const char *body, size_t len, const char *idempotency_key,
                          struct order *out, struct order_problem *problem)
{
    struct json_token text = { len > 0 ? body : "", len };
    struct order_draft draft = { 0 };
    if (order_plain_parse(text, idempotency_key, clock_wall_us(), &draft))
        return order_draft_take(&draft, out) ? ORDER_OK : reject_for_memory(problem);
    return order_parse_general(text, idempotency_key, out, problem);
}

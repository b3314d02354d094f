/* order_batch.c - see order_batch.h. What stands between the elements of an array is little: white
 * space, one comma, the brackets. Whatever else is found there is the fault, and the reading ends
 * at it. */
#include "orders/order_batch.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "orders/order.h"
#include "orders/order_codes.h"

static const char bracket[] = "the '[' of an array";

void order_batch_begin(struct order_batch *batch, enum order_batch_form form, const char *body,
                       size_t len)
{
    const char *begin = len > 0 ? body : "";
    *batch = (struct order_batch){ .form = form, .begin = begin, .at = begin, .end = begin + len };
}

static bool end_here(struct order_batch *batch)
{
    batch->over = true;
    return false;
}

static bool miss(struct order_batch *batch, const char *what)
{
    batch->missing = what;
    return end_here(batch);
}

static void skip_space(struct order_batch *batch)
{
    while (batch->at < batch->end && json_is_space(*batch->at))
        batch->at++;
}

/* Is this the next byte? Then goes past it and the white space behind it. */
static bool pass(struct order_batch *batch, char c)
{
    if (batch->at == batch->end || *batch->at != c)
        return false;
    batch->at++;
    skip_space(batch);
    return true;
}

static bool leave_array(struct order_batch *batch)
{
    return batch->at < batch->end ? miss(batch, "the end of the body") : end_here(batch);
}

/* Up to the first byte of an element; false when there is none. */
static bool reach_element(struct order_batch *batch)
{
    skip_space(batch);
    bool first = !batch->inside;
    if (first && !pass(batch, '['))
        return miss(batch, bracket);
    batch->inside = true;
    if (pass(batch, ']'))
        return leave_array(batch);
    if (!first && !pass(batch, ','))
        return miss(batch, "',' or ']'");
    return true;
}

static bool next_element(struct order_batch *batch, struct json_token *item)
{
    struct json_token rest;
    if (!reach_element(batch))
        return false;
    rest = (struct json_token){ batch->at, (size_t)(batch->end - batch->at) };
    if (rest.len == 0 || !json_begins_value(*rest.at))
        return miss(batch, "an order");
    if (!json_first_value(rest, item)) {
        batch->at = batch->end;
        return miss(batch, "the end of the last order");
    }
    batch->at = item->at + item->len;
    return true;
}

static bool next_line(struct order_batch *batch, struct json_token *item)
{
    skip_space(batch); /* with the blank lines */
    if (batch->at == batch->end)
        return end_here(batch);
    const char *begin = batch->at;
    const char *stop = memchr(begin, '\n', (size_t)(batch->end - begin));
    if (stop == NULL)
        stop = batch->end;
    batch->at = stop;
    while (json_is_space(stop[-1]))
        stop--; /* ends at *begin at the latest */
    *item = (struct json_token){ begin, (size_t)(stop - begin) };
    return true;
}

bool order_batch_next(struct order_batch *batch, struct json_token *item)
{
    if (batch->over)
        return false;
    return batch->form == ORDER_BATCH_LINES ? next_line(batch, item) : next_element(batch, item);
}

/* JSON, but no array: what begins so may be meant well. */
static bool is_other_value(const struct order_batch *batch)
{
    return batch->missing == bracket && batch->at < batch->end && json_begins_value(*batch->at);
}

static enum order_code code_of(const struct order_batch *batch)
{
    if (batch->at < batch->end && *batch->at == '\0')
        return ORDER_CODE_NUL_CHARACTER;
    return is_other_value(batch) ? ORDER_CODE_NOT_AN_ARRAY : ORDER_CODE_INVALID_JSON;
}

static void describe(const struct order_batch *batch, char *out, size_t size)
{
    const char *what = is_other_value(batch) ? "not an array" : "not JSON";
    unsigned char found = batch->at < batch->end ? (unsigned char)*batch->at : 0;
    if (batch->at == batch->end)
        (void)snprintf(out, size, "%s: the body ends before %s", what, batch->missing);
    else if (found > ' ' && found < 0x7f)
        (void)snprintf(out, size, "%s: '%c' where %s must stand", what, found, batch->missing);
    else
        (void)snprintf(out, size, "%s: byte 0x%02x where %s must stand", what, found,
                       batch->missing);
}

bool order_batch_whole(const struct order_batch *batch, struct order_problem *problem)
{
    CHECK(batch->over);
    if (batch->missing == NULL)
        return true;
    problem->code = order_codes[code_of(batch)].code;
    problem->offset = batch->at - batch->begin;
    problem->n_errors = 0;
    describe(batch, problem->detail, sizeof problem->detail);
    return false;
}

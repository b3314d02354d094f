/* order_batch.c - see order_batch.h. Besides its elements, an array has only its brackets, white
 * space, and a comma between two elements. Anything else is a syntax error, and reading stops
 * there. */
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

/* Skips at most ORDER_BYTES_MAX bytes of white space. Returns false if more white space follows. */
static bool skip_space(struct order_batch *batch)
{
    size_t left = (size_t)(batch->end - batch->at);
    const char *stop = left > ORDER_BYTES_MAX ? batch->at + ORDER_BYTES_MAX : batch->end;
    while (batch->at < stop && json_is_space(*batch->at))
        batch->at++;
    return batch->at < stop || stop == batch->end || !json_is_space(*stop);
}

/* If the next byte is c, skips it and the white space after it, and returns true. May set
 * too_large. */
static bool pass(struct order_batch *batch, char c)
{
    if (batch->at == batch->end || *batch->at != c)
        return false;
    batch->at++;
    batch->too_large = !skip_space(batch);
    return true;
}

static bool miss_end(struct order_batch *batch)
{
    batch->too_large = true;
    return miss(batch, "the end of the order");
}

static bool leave_array(struct order_batch *batch)
{
    return batch->at < batch->end ? miss(batch, "the end of the body") : end_here(batch);
}

/* Moves to the first byte of the next element. Returns false if no element follows. */
static bool reach_element(struct order_batch *batch)
{
    if (!skip_space(batch))
        return miss_end(batch);
    bool first = !batch->inside;
    if (first && !pass(batch, '['))
        return miss(batch, bracket);
    batch->inside = true;
    if (!batch->too_large && pass(batch, ']'))
        return batch->too_large ? miss_end(batch) : leave_array(batch);
    if (!first && !pass(batch, ','))
        return miss(batch, "',' or ']'");
    return !batch->too_large || miss_end(batch);
}

static bool next_element(struct order_batch *batch, struct json_token *item)
{
    struct json_token rest, found;
    if (!reach_element(batch))
        return false;
    rest = (struct json_token){ batch->at, (size_t)(batch->end - batch->at) };
    if (rest.len == 0 || !json_begins_value(*rest.at))
        return miss(batch, "an order");
    bool cut = rest.len > ORDER_BYTES_MAX;
    if (cut)
        rest.len = ORDER_BYTES_MAX + 1;
    bool whole = json_first_value(rest, &found);
    if (whole && found.len <= ORDER_BYTES_MAX) {
        batch->at = found.at + found.len;
        *item = found;
        return true;
    }
    batch->at += cut ? ORDER_BYTES_MAX : rest.len;
    return cut ? miss_end(batch) : miss(batch, "the end of the last order");
}

static bool next_line(struct order_batch *batch, struct json_token *item)
{
    const char *begin = batch->at;
    if (!skip_space(batch)) { /* too many blank lines count as one order that is too large */
        batch->at++;
        *item = (struct json_token){ begin, (size_t)(batch->at - begin) };
        return true;
    }
    if (batch->at == batch->end)
        return end_here(batch);
    begin = batch->at;
    const char *stop = memchr(begin, '\n', (size_t)(batch->end - begin));
    if (stop == NULL)
        stop = batch->end;
    batch->at = stop;
    while (json_is_space(stop[-1]))
        stop--; /* the loop ends, because *begin is no white space */
    *item = (struct json_token){ begin, (size_t)(stop - begin) };
    return true;
}

bool order_batch_next(struct order_batch *batch, struct json_token *item)
{
    if (batch->over)
        return false;
    return batch->form == ORDER_BATCH_LINES ? next_line(batch, item) : next_element(batch, item);
}

/* Returns true if the body begins with a JSON value that is not an array. Such a body gets its own
 * error code and text. */
static bool is_other_value(const struct order_batch *batch)
{
    return batch->missing == bracket && batch->at < batch->end && json_begins_value(*batch->at);
}

static enum order_code code_of(const struct order_batch *batch)
{
    if (batch->too_large)
        return ORDER_CODE_ORDER_TOO_LARGE;
    if (batch->at < batch->end && *batch->at == '\0')
        return ORDER_CODE_NUL_CHARACTER;
    return is_other_value(batch) ? ORDER_CODE_NOT_AN_ARRAY : ORDER_CODE_INVALID_JSON;
}

static void describe(const struct order_batch *batch, char *out, size_t size)
{
    const char *what = is_other_value(batch) ? "not an array" : "not JSON";
    unsigned char found = batch->at < batch->end ? (unsigned char)*batch->at : 0;
    if (batch->too_large)
        (void)snprintf(out, size,
                       "an order of more than %d bytes, with the white space before it: send it "
                       "with fewer",
                       ORDER_BYTES_MAX);
    else if (batch->at == batch->end)
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

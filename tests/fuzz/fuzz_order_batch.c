/* fuzz_order_batch.c - any bytes as a batch. The first byte chooses the form: odd is an array, even
 * are lines. Items lie in the body one behind the other; of an array jansson says the same as the
 * slicer and order_parse() together; of lines the items are those that are not blank. */
#include <jansson.h>
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "orders/order.h"
#include "orders/order_batch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct verdict {
    size_t items;
    bool malformed; /* one of them, or the document */
    bool whole;
};

static bool is_malformed(struct json_token item)
{
    struct order order;
    struct order_problem problem;
    enum order_rc rc = order_parse(item.at, item.len, NULL, &order, &problem);
    CHECK(rc != ORDER_NOMEM);
    if (rc == ORDER_OK)
        order_fini(&order);
    if (rc == ORDER_MALFORMED)
        CHECK(problem.offset >= 0 && (size_t)problem.offset <= item.len);
    return rc == ORDER_MALFORMED;
}

static void check_item(const struct order_batch *batch, struct json_token item, const char *after)
{
    CHECK(item.len > 0);
    CHECK(item.at >= after);
    CHECK(item.at + item.len <= batch->end);
    CHECK(!json_is_space(item.at[0]));
    CHECK(!json_is_space(item.at[item.len - 1]));
}

static struct verdict read_array(const char *body, size_t size)
{
    struct verdict verdict = { 0 };
    struct order_batch batch;
    struct order_problem problem = { 0 };
    struct json_token item;
    const char *after = body;
    order_batch_begin(&batch, ORDER_BATCH_ARRAY, body, size);
    while (order_batch_next(&batch, &item)) {
        check_item(&batch, item, after);
        after = item.at + item.len;
        verdict.items++;
        verdict.malformed |= is_malformed(item);
    }
    verdict.whole = order_batch_whole(&batch, &problem);
    verdict.malformed |= !verdict.whole;
    if (!verdict.whole)
        CHECK(problem.code != NULL && problem.offset >= 0 && (size_t)problem.offset <= size);
    return verdict;
}

/* order_parse() refuses NUL bytes and deep nesting where jansson may not: so what jansson takes
 * must be whole, unless it is too large for us, and what we take must be jansson's too. */
static void check_array(const char *body, size_t size)
{
    struct verdict ours = read_array(body, size);
    const size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL;
    json_t *root = json_loadb(body, size, flags, NULL);
    if (json_is_array(root) && size <= ORDER_BYTES_MAX) {
        CHECK(ours.whole);
        CHECK(ours.items == json_array_size(root));
    } else if (!json_is_array(root)) {
        CHECK(ours.malformed);
    }
    json_decref(root);
}

static struct json_token trim(const char *begin, const char *end)
{
    while (begin < end && json_is_space(*begin))
        begin++;
    while (begin < end && json_is_space(end[-1]))
        end--;
    return (struct json_token){ begin, (size_t)(end - begin) };
}

static void check_lines(const char *body, size_t size)
{
    struct order_batch batch;
    struct order_problem problem;
    struct json_token item;
    const char *at = body, *end = body + size;
    order_batch_begin(&batch, ORDER_BATCH_LINES, body, size);
    if (size > ORDER_BYTES_MAX) /* white space may be an item */
        return;
    while (at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        if (line_end == NULL)
            line_end = end;
        struct json_token want = trim(at, line_end);
        at = line_end < end ? line_end + 1 : end;
        if (want.len == 0)
            continue;
        CHECK(order_batch_next(&batch, &item));
        CHECK(item.at == want.at && item.len == want.len);
        (void)is_malformed(item);
    }
    CHECK(!order_batch_next(&batch, &item));
    CHECK(order_batch_whole(&batch, &problem));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const char *body = (const char *)data + 1;
    if (data[0] % 2 == 1)
        check_array(body, size - 1);
    else
        check_lines(body, size - 1);
    return 0;
}

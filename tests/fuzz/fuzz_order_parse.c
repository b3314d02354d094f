/* fuzz_order_parse.c - any bytes as an order. The first line is the Idempotency-Key when the input
 * begins with '#'. What parses must be an order through and through: canonical decimals, names
 * within their form, and a rendering that is JSON and parses to the same order again. A plain order
 * is the same in both ways of parsing. */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/clock.h"
#include "orders/decimal.h"
#include "orders/order.h"
#include "orders/order_plain.h"

enum { RENDERED_MAX = 16384 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_decimal(const char *text, bool may_be_absent)
{
    char again[ORDER_DECIMAL_SIZE];
    if (may_be_absent && text[0] == '\0')
        return;
    CHECK(decimal_canonical(text, strlen(text), again));
    CHECK(strcmp(text, again) == 0);
    CHECK(!decimal_is_zero(text));
}

/* The rendering holds what the server adds; without that it is a request. */
static void check_rendering(const struct order *order)
{
    struct buf out = BUF_INIT(RENDERED_MAX);
    order_render(&out, order, false);
    CHECK(!out.failed);
    json_t *shown =
        json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, NULL);
    CHECK(shown != NULL);
    static const char *const added[] = { "order_id", "received_at", "status", "replayed" };
    for (size_t i = 0; i < sizeof added / sizeof added[0]; i++)
        CHECK(json_object_del(shown, added[i]) == 0);
    char *request = json_dumps(shown, JSON_COMPACT);
    CHECK(request != NULL);

    struct order again;
    struct order_problem problem;
    enum order_rc rc = order_parse(request, strlen(request), NULL, &again, &problem);
    if (rc == ORDER_OK) {
        CHECK(order_compare_key(order, &again) == 0);
        CHECK(order_diff(order, &again) == 0);
        order_fini(&again);
    } else { /* metadata may grow when jansson writes it */
        CHECK(rc == ORDER_INVALID && strcmp(problem.errors[0].code, "too_large") == 0);
    }
    free(request);
    json_decref(shown);
    buf_fini(&out);
}

static void check_order(struct order *order)
{
    CHECK(order->account_id[0] != '\0' && order->client_order_id[0] != '\0');
    check_decimal(order->quantity, false);
    check_decimal(order->limit_price, true);
    check_decimal(order->stop_price, true);
    if (order->metadata != NULL)
        CHECK(strlen(order->metadata) == order->metadata_len);
    order_stamp(order, 1700000000000000);
    check_rendering(order);
}

static void check_problem(enum order_rc rc, const struct order_problem *problem, size_t size)
{
    CHECK(rc == ORDER_MALFORMED || rc == ORDER_INVALID);
    if (rc == ORDER_MALFORMED)
        CHECK(problem->offset >= 0 && (size_t)problem->offset <= size);
    else
        CHECK(problem->n_errors > 0 && problem->n_errors <= ORDER_ERRORS_MAX);
}

static bool same_metadata(const struct order *order, struct json_token metadata)
{
    if (order->metadata == NULL || metadata.at == NULL)
        return order->metadata == NULL && metadata.at == NULL;
    return order->metadata_len == metadata.len &&
           memcmp(order->metadata, metadata.at, metadata.len) == 0;
}

/* What is plain is the same order in the general way. */
static void check_plain(const char *body, size_t size, const char *key)
{
    const struct json_token text = { body, size };
    struct order_draft draft = { 0 };
    struct order order;
    if (!order_plain_parse(text, key, clock_wall_us(), &draft))
        return;
    CHECK(order_parse_general(text, key, &order, NULL) == ORDER_OK);
    CHECK(order_compare_key(&order, &draft.order) == 0);
    CHECK(order_diff(&order, &draft.order) == 0);
    CHECK(order.sent_at_us == draft.order.sent_at_us);
    CHECK(order.max_age_ms == draft.order.max_age_ms);
    CHECK(order.replay_only == draft.order.replay_only);
    CHECK(same_metadata(&order, draft.metadata));
    order_fini(&order);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *body = (const char *)data;
    const char *line = size > 0 && body[0] == '#' ? memchr(body, '\n', size) : NULL;
    char *key = NULL;
    if (line != NULL) {
        key = strndup(body + 1, (size_t)(line - body) - 1);
        CHECK(key != NULL);
        size -= (size_t)(line + 1 - body);
        body = line + 1;
    }
    check_plain(body, size, key);
    struct order order;
    struct order_problem problem;
    enum order_rc rc = order_parse(body, size, key, &order, &problem);
    if (rc == ORDER_OK) {
        check_order(&order);
        order_fini(&order);
    } else {
        check_problem(rc, &problem, size);
    }
    free(key);
    return 0;
}

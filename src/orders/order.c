/* order.c - functions of order.h for a valid order: enum names, order id, staleness, order key,
 * differences. */
#include "orders/order.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "orders/uuid7.h"

enum { US_PER_MS = 1000 };

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const char *const side_names[] = { [ORDER_BUY] = "buy", [ORDER_SELL] = "sell" };
static const char *const type_names[] = {
    [ORDER_MARKET] = "market",
    [ORDER_LIMIT] = "limit",
    [ORDER_STOP] = "stop",
    [ORDER_STOP_LIMIT] = "stop_limit",
};
static const char *const tif_names[] = {
    [ORDER_DAY] = "day",
    [ORDER_GTC] = "gtc",
    [ORDER_IOC] = "ioc",
    [ORDER_FOK] = "fok",
};

/* Returns the index of the name, or n if it is not in the list. */
static size_t find_name(const char *const *names, size_t n, const char *name)
{
    size_t i = 0;
    while (i < n && strcmp(names[i], name) != 0)
        i++;
    return i;
}

const char *order_side_name(enum order_side side)
{
    CHECK((size_t)side < COUNT(side_names));
    return side_names[side];
}

const char *order_type_name(enum order_type type)
{
    CHECK((size_t)type < COUNT(type_names));
    return type_names[type];
}

const char *order_tif_name(enum order_tif tif)
{
    CHECK((size_t)tif < COUNT(tif_names));
    return tif_names[tif];
}

bool order_side_of(const char *name, enum order_side *out)
{
    size_t i = find_name(side_names, COUNT(side_names), name);
    if (i == COUNT(side_names))
        return false;
    *out = (enum order_side)i;
    return true;
}

bool order_type_of(const char *name, enum order_type *out)
{
    size_t i = find_name(type_names, COUNT(type_names), name);
    if (i == COUNT(type_names))
        return false;
    *out = (enum order_type)i;
    return true;
}

bool order_tif_of(const char *name, enum order_tif *out)
{
    size_t i = find_name(tif_names, COUNT(tif_names), name);
    if (i == COUNT(tif_names))
        return false;
    *out = (enum order_tif)i;
    return true;
}

void order_stamp(struct order *order, int64_t now_us)
{
    uuid7_text(now_us / US_PER_MS, order->order_id);
    order->received_at_us = now_us;
}

void order_set_submitted_by(struct order *order, const char *key_name)
{
    const char *name = key_name != NULL ? key_name : "";
    const size_t len = strlen(name);
    CHECK(len < sizeof order->submitted_by);
    memcpy(order->submitted_by, name, len + 1);
}

bool order_is_stale(const struct order *order, int64_t now_us)
{
    if (order->max_age_ms == 0)
        return false;
    return now_us > order->sent_at_us + order->max_age_ms * US_PER_MS;
}

int order_compare_key(const struct order *a, const struct order *b)
{
    int by_account = strcmp(a->account_id, b->account_id);
    return by_account != 0 ? by_account : strcmp(a->client_order_id, b->client_order_id);
}

/* Compares decimals as texts: both are canonical, so equal decimals have equal texts. */
unsigned order_diff(const struct order *a, const struct order *b)
{
    unsigned diff = 0;
    if (strcmp(a->symbol, b->symbol) != 0)
        diff |= ORDER_DIFF_SYMBOL;
    if (a->side != b->side)
        diff |= ORDER_DIFF_SIDE;
    if (a->type != b->type)
        diff |= ORDER_DIFF_TYPE;
    if (strcmp(a->quantity, b->quantity) != 0)
        diff |= ORDER_DIFF_QUANTITY;
    if (strcmp(a->limit_price, b->limit_price) != 0)
        diff |= ORDER_DIFF_LIMIT_PRICE;
    if (strcmp(a->stop_price, b->stop_price) != 0)
        diff |= ORDER_DIFF_STOP_PRICE;
    if (a->time_in_force != b->time_in_force)
        diff |= ORDER_DIFF_TIME_IN_FORCE;
    return diff;
}

void order_fini(struct order *order)
{
    free(order->metadata);
    order->metadata = NULL;
    order->metadata_len = 0;
}

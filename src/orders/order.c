/* order.c - a valid order: names of enum values, age, key, and differences from another order. */
#include "orders/order.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "orders/uuid7.h"

enum { US_PER_MS = 1000 };

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const char *const side_words[] = { [ORDER_BUY] = "buy", [ORDER_SELL] = "sell" };
static const char *const type_words[] = {
    [ORDER_MARKET] = "market",
    [ORDER_LIMIT] = "limit",
    [ORDER_STOP] = "stop",
    [ORDER_STOP_LIMIT] = "stop_limit",
};
static const char *const tif_words[] = {
    [ORDER_DAY] = "day",
    [ORDER_GTC] = "gtc",
    [ORDER_IOC] = "ioc",
    [ORDER_FOK] = "fok",
};

/* The index of the word, or n. */
static size_t find_word(const char *const *words, size_t n, const char *word)
{
    size_t i = 0;
    while (i < n && strcmp(words[i], word) != 0)
        i++;
    return i;
}

const char *order_side_word(enum order_side side)
{
    CHECK((size_t)side < COUNT(side_words));
    return side_words[side];
}

const char *order_type_word(enum order_type type)
{
    CHECK((size_t)type < COUNT(type_words));
    return type_words[type];
}

const char *order_tif_word(enum order_tif tif)
{
    CHECK((size_t)tif < COUNT(tif_words));
    return tif_words[tif];
}

bool order_side_of(const char *word, enum order_side *out)
{
    size_t i = find_word(side_words, COUNT(side_words), word);
    if (i == COUNT(side_words))
        return false;
    *out = (enum order_side)i;
    return true;
}

bool order_type_of(const char *word, enum order_type *out)
{
    size_t i = find_word(type_words, COUNT(type_words), word);
    if (i == COUNT(type_words))
        return false;
    *out = (enum order_type)i;
    return true;
}

bool order_tif_of(const char *word, enum order_tif *out)
{
    size_t i = find_word(tif_words, COUNT(tif_words), word);
    if (i == COUNT(tif_words))
        return false;
    *out = (enum order_tif)i;
    return true;
}

void order_stamp(struct order *order, int64_t now_us)
{
    uuid7_text(now_us / US_PER_MS, order->order_id);
    order->received_at_us = now_us;
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

/* Decimals are canonical, so that equal texts are equal values. */
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

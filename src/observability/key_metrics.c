/* key_metrics.c - see key_metrics.h. The series of a family are written together, as the text
 * format requires. */
#include "observability/key_metrics.h"

#include <stdbool.h>

#include "base/buf.h"
#include "base/metrics.h"
#include "handlers/order_metrics.h"
#include "http/http.h"
#include "observability/metric_rows.h"

enum { LABELS_SIZE = 256 };

/* The keys beyond HTTP_KEYS_SHOWN. The name of a key has no parentheses. */
static const char others[] = "(other)";

const char *const key_metrics_codes[] = { "account_forbidden", "rate_limited", NULL };

struct series { /* the labels of one series */
    char text[LABELS_SIZE];
};

/* Makes the label key, and the label `name` if that is not NULL. */
static struct series series_of(const struct http_key_figures *key, const char *name,
                               const char *value)
{
    struct series series;
    struct buf labels = BUF_OVER(series.text);
    prom_label(&labels, "key", key->name[0] != '\0' ? key->name : others);
    if (name != NULL)
        prom_label(&labels, name, value);
    return series;
}

static void head(struct buf *out, enum metric m)
{
    prom_family(out, metric_rows[m].name, metric_rows[m].type, metric_rows[m].help);
}

static void put(struct buf *out, enum metric m, struct series series, uint64_t value)
{
    prom_uint(out, metric_rows[m].name, series.text, value);
}

static void put_orders(struct buf *out, const struct http_key_figures *key)
{
    put(out, M_KEY_ORDERS, series_of(key, "result", "created"), key->counts[KEY_ORDERS_CREATED]);
    put(out, M_KEY_ORDERS, series_of(key, "result", "replayed"), key->counts[KEY_ORDERS_REPLAYED]);
}

static void put_rejections(struct buf *out, const struct http_key_figures *key)
{
    for (size_t i = 0; i < key->n_codes; i++)
        put(out, M_KEY_REJECTIONS, series_of(key, "code", key->codes[i].code), key->codes[i].count);
    put(out, M_KEY_REJECTIONS, series_of(key, "code", "other"), key->other_codes);
}

/* Writes one of the two families of tokens. A family without a series is left out: if no key has a
 * rate, writes nothing. */
static void put_tokens(struct buf *out, enum metric m, const struct http_key_figures *keys,
                       size_t n)
{
    bool begun = false;
    for (size_t i = 0; i < n; i++) {
        if (!keys[i].limited)
            continue;
        if (!begun)
            head(out, m);
        begun = true;
        put(out, m, series_of(&keys[i], NULL, NULL),
            m == M_KEY_TOKENS ? keys[i].tokens : keys[i].burst);
    }
}

void key_metrics_render(struct buf *out, const struct http_key_figures *keys, size_t n)
{
    if (n == 0)
        return;
    head(out, M_KEY_REQUESTS);
    for (size_t i = 0; i < n; i++)
        put(out, M_KEY_REQUESTS, series_of(&keys[i], NULL, NULL), keys[i].requests);
    head(out, M_KEY_REJECTIONS);
    for (size_t i = 0; i < n; i++)
        put_rejections(out, &keys[i]);
    head(out, M_KEY_ORDERS);
    for (size_t i = 0; i < n; i++)
        put_orders(out, &keys[i]);
    put_tokens(out, M_KEY_TOKENS, keys, n);
    put_tokens(out, M_KEY_TOKENS_MAX, keys, n);
}

void key_metrics_blank(struct buf *out)
{
    static const struct http_key_figures key = {
        .name = "name",
        .codes = { { .code = "account_forbidden" }, { .code = "rate_limited" } },
        .n_codes = 2,
        .limited = true,
    };
    key_metrics_render(out, &key, 1);
}

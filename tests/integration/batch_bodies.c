/* batch_bodies.c - see batch_bodies.h. */
#include "batch_bodies.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/check.h"
#include "service_rig.h"

enum { BODY_MAX = 16 << 20 };

static char *finish(struct buf *body)
{
    size_t len;
    char *text = buf_steal(body, &len);
    CHECK(text != NULL);
    return text;
}

char *batch_body_with(const char *prefix, size_t n, size_t at, const char *member)
{
    struct buf body = BUF_INIT(BODY_MAX);
    char *more = quoted(member);
    buf_add_char(&body, '[');
    for (size_t i = 0; i < n; i++) {
        buf_printf(&body,
                   "%s{\"client_order_id\":\"%s-%zu\",\"account_id\":\"ACC\",\"symbol\":\"EURUSD\","
                   "\"type\":\"market\",\"quantity\":\"1\"",
                   i > 0 ? "," : "", prefix, i);
        buf_printf(&body, ",%s}", i == at ? more : "\"side\":\"buy\"");
    }
    buf_add_char(&body, ']');
    free(more);
    return finish(&body);
}

char *batch_body(const char *prefix, size_t n)
{
    return batch_body_with(prefix, n, n, "");
}

char *batch_body_repeated(const char *item, size_t n)
{
    struct buf body = BUF_INIT(BODY_MAX);
    for (size_t i = 0; i < n; i++) {
        buf_add_char(&body, i > 0 ? ',' : '[');
        buf_add_str(&body, item);
    }
    buf_add_char(&body, ']');
    return finish(&body);
}

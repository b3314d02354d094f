/* The metrics of HTTP stay within HTTP_METRICS_MAX, whatever clients bring about. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/buf.h"
#include "base/metrics.h"
#include "http/http.h"
#include "http/server_metrics.h"

enum { ROUTES = 10, STATUSES = METRICS_DECLARED_MAX / ROUTES, DIGITS = 20, FAMILIES = 1 };

/* The longest path of the program has 24 characters. */
#define PATH "/forty/characters/are/more/than/any/path"

static int statuses[STATUSES + 1];
static struct http_route routes[ROUTES];

static size_t count(const char *text, const char *what)
{
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at++)
        n++;
    return n;
}

Test(http_metrics, are_bounded)
{
    for (int i = 0; i < STATUSES; i++)
        statuses[i] = 200 + i;
    for (int i = 0; i < ROUTES; i++)
        routes[i] = (struct http_route){ .method = "POST", .path = PATH, .statuses = statuses };
    struct server_metrics *metrics = server_metrics_open(routes, ROUTES);
    cr_assert_not_null(metrics);
    for (int i = 0; i < 2 * METRICS_EXTRA; i++)
        server_metrics_observe(metrics, &routes[0], "HEAD", 300 + i, 1);
    struct buf out = BUF_INIT(2 * HTTP_METRICS_MAX);
    server_metrics_render(metrics, &out);
    cr_assert_not(out.failed);
    cr_expect_eq(count(out.data, "duration_seconds_count{"), METRICS_DECLARED_MAX + METRICS_EXTRA);
    /* Any value may have twenty digits, and here it has one. */
    size_t values = count(out.data, "\n") - 2 * FAMILIES;
    cr_expect_leq(out.len + values * (DIGITS - 1), HTTP_METRICS_MAX);
    buf_fini(&out);
    server_metrics_close(metrics);
}

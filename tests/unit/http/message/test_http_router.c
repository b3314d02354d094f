/* Which route a method and a path find, and what Allow says. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>

#include "base/buf.h"
#include "http/http.h"
#include "http/message/router.h"

/* clang-format off */
static const struct http_route routes[] = {
    { .method = "POST", .path = "/v1/orders" },
    { .method = "GET",  .path = "/v1/orders" },
    { .method = "POST", .path = "/v1/orders/batch" },
    { .method = "GET",  .path = "/v1/orders/{order_id}" },
    { .method = "GET",  .path = "/a/{x}/b/{y}" },
    { .method = "GET",  .path = "/" },
};
/* clang-format on */
enum { N_ROUTES = sizeof routes / sizeof routes[0] };

struct route_case {
    char method[8], path[32];
    enum route_rc want;
    int route;
    char parts[2][16];
};

ParameterizedTestParameters(router, find)
{
    /* clang-format off */
    static struct route_case cases[] = {
        { "POST",   "/v1/orders",          ROUTE_FOUND, 0, { "" } },
        { "GET",    "/v1/orders",          ROUTE_FOUND, 1, { "" } },
        { "HEAD",   "/v1/orders",          ROUTE_FOUND, 1, { "" } },
        { "POST",   "/v1/orders/batch",    ROUTE_FOUND, 2, { "" } },
        { "GET",    "/v1/orders/batch",    ROUTE_FOUND, 3, { "batch" } },
        { "GET",    "/v1/orders/0190-a",   ROUTE_FOUND, 3, { "0190-a" } },
        { "GET",    "/a/1/b/22",           ROUTE_FOUND, 4, { "1", "22" } },
        { "GET",    "/",                   ROUTE_FOUND, 5, { "" } },
        { "POST",   "/v1/orders/0190-a",   ROUTE_NO_METHOD, -1, { "" } },
        { "DELETE", "/v1/orders",          ROUTE_NO_METHOD, -1, { "" } },
        { "post",   "/v1/orders",          ROUTE_NO_METHOD, -1, { "" } },
        { "HEAD",   "/v1/orders/batch",    ROUTE_FOUND, 3, { "batch" } },
        { "GET",    "/v1/orders/",         ROUTE_NO_PATH, -1, { "" } },
        { "GET",    "/v1/orders/a/",       ROUTE_NO_PATH, -1, { "" } },
        { "GET",    "/v1/orders/a/b",      ROUTE_NO_PATH, -1, { "" } },
        { "GET",    "/v1/order",           ROUTE_NO_PATH, -1, { "" } },
        { "GET",    "/v1/orderss",         ROUTE_NO_PATH, -1, { "" } },
        { "GET",    "/v1",                 ROUTE_NO_PATH, -1, { "" } },
        { "GET",    "//v1/orders",         ROUTE_NO_PATH, -1, { "" } },
        { "GET",    "/a//b/2",             ROUTE_NO_PATH, -1, { "" } },
        { "GET",    "",                    ROUTE_NO_PATH, -1, { "" } },
        { "OPTIONS", "*",                  ROUTE_NO_PATH, -1, { "" } },
    };
    /* clang-format on */
    return cr_make_param_array(struct route_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct route_case *c, router, find)
{
    char path[32];
    (void)snprintf(path, sizeof path, "%s", c->path);
    struct route_match match = { .n_parts = 77 };

    cr_assert_eq(router_find(routes, N_ROUTES, c->method, path, &match), c->want, "%s %s",
                 c->method, c->path);
    if (c->want != ROUTE_FOUND) {
        cr_expect_eq(match.n_parts, 77, "written on failure");
        cr_expect_str_eq(path, c->path, "cut on failure");
        return;
    }
    cr_expect_eq(match.route - routes, c->route, "%s %s", c->method, c->path);
    for (size_t i = 0; i < match.n_parts; i++)
        cr_expect_str_eq(match.parts[i], c->parts[i]);
}

struct allow_case {
    char path[32], want[32];
};

ParameterizedTestParameters(router, allow)
{
    static struct allow_case cases[] = {
        { "/v1/orders", "POST, GET, HEAD" },
        { "/v1/orders/batch", "POST, GET, HEAD" },
        { "/v1/orders/x", "GET, HEAD" },
    };
    return cr_make_param_array(struct allow_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct allow_case *c, router, allow)
{
    char text[64];
    struct buf allow = BUF_OVER(text);
    router_allow(&allow, routes, N_ROUTES, c->path);
    cr_expect_str_eq(text, c->want);
}

Test(router, names_a_method_once)
{
    static const struct http_route twins[] = {
        { .method = "GET", .path = "/x/y" },
        { .method = "GET", .path = "/x/{z}" },
    };
    char text[64];
    struct buf allow = BUF_OVER(text);
    router_allow(&allow, twins, 2, "/x/y");
    cr_expect_str_eq(text, "GET, HEAD");
}

Test(router, knows_a_path_it_can_hold)
{
    cr_expect(router_path_ok("/a/{1}/{2}/{3}/{4}"));
    cr_expect_not(router_path_ok("/a/{1}/{2}/{3}/{4}/{5}"));
    cr_expect_not(router_path_ok("a"));
    cr_expect_not(router_path_ok(""));
}

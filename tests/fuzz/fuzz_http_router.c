/* fuzz_http_router.c - any method and any path: the first line and the rest of the input. What is
 * found puts the path together again; what is not found is in no route; and Allow lists just the
 * methods that would be. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "http/http.h"
#include "http/message/router.h"

enum { TEXT_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Methods that are the beginning of another, and paths that two routes fit. */
/* clang-format off */
static const struct http_route routes[] = {
    { .method = "POST", .path = "/v1/orders" },
    { .method = "GET",  .path = "/v1/orders" },
    { .method = "POST", .path = "/v1/orders/batch" },
    { .method = "GET",  .path = "/v1/orders/{order_id}" },
    { .method = "PO",   .path = "/v1/orders/{order_id}" },
    { .method = "GET",  .path = "/a/{x}/b/{y}" },
    { .method = "HEAD", .path = "/{a}/{b}/{c}/{d}" },
    { .method = "G",    .path = "/{a}/x/{c}/x" },
    { .method = "GET",  .path = "/" },
};
/* clang-format on */
enum { N_ROUTES = sizeof routes / sizeof routes[0] };

static bool serves(const struct http_route *route, const char *method)
{
    return strcmp(route->method, method) == 0 ||
           (strcmp(route->method, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

/* The path that the route and the parts make. */
static void write_path(const struct route_match *match, char *out, size_t size)
{
    struct buf path = { .data = out, .cap = size, .max = size - 1 };
    size_t part = 0;
    const char *at = match->route->path;
    while (*at != '\0') {
        if (*at != '{') {
            buf_add_char(&path, *at++);
            continue;
        }
        CHECK(part < match->n_parts);
        buf_add_str(&path, match->parts[part++]);
        at += strcspn(at, "/");
    }
    CHECK(part == match->n_parts && !path.failed);
}

static enum route_rc find(const char *method, const char *path, struct route_match *match,
                          char copy[TEXT_MAX])
{
    (void)snprintf(copy, TEXT_MAX, "%s", path);
    return router_find(routes, N_ROUTES, method, copy, match);
}

static void check_found(const char *method, const char *path)
{
    static char copy[TEXT_MAX], again[TEXT_MAX];
    struct route_match match;
    if (find(method, path, &match, copy) != ROUTE_FOUND) {
        CHECK(strcmp(copy, path) == 0);
        return;
    }
    CHECK(serves(match.route, method));
    for (size_t i = 0; i < match.n_parts; i++) {
        CHECK(match.parts[i] > copy && match.parts[i] < copy + strlen(path));
        CHECK(match.parts[i][0] != '\0' && strchr(match.parts[i], '/') == NULL);
    }
    write_path(&match, again, sizeof again);
    CHECK(strcmp(again, path) == 0);
}

static bool is_listed(const char *allow, const char *method)
{
    char list[256], *rest = list;
    (void)snprintf(list, sizeof list, "%s", allow);
    for (char *name; (name = strsep(&rest, ",")) != NULL;)
        if (strcmp(name + strspn(name, " "), method) == 0)
            return true;
    return false;
}

static void check_allow(const char *method, const char *path)
{
    static const char *const known[] = { "GET", "HEAD", "POST", "PO", "G", "DELETE" };
    static char copy[TEXT_MAX];
    struct route_match match;
    char text[256] = "";
    struct buf allow = BUF_OVER(text);
    router_allow(&allow, routes, N_ROUTES, path);
    CHECK(!allow.failed);
    CHECK((text[0] == '\0') == (find(method, path, &match, copy) == ROUTE_NO_PATH));
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        CHECK(is_listed(text, known[i]) == (find(known[i], path, &match, copy) == ROUTE_FOUND));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char text[TEXT_MAX];
    if (size >= TEXT_MAX)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    char *path = text;
    const char *method = strsep(&path, "\n");
    if (path == NULL)
        return 0;
    check_found(method, path);
    check_allow(method, path);
    return 0;
}

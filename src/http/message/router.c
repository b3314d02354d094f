/* router.c - see router.h. */
#include "http/message/router.h"

#include <string.h>

#include "base/buf.h"
#include "http/message/route.h"

static bool is_part(const char *segment)
{
    return segment[0] == '{';
}

/* Returns true if `path` fits `pattern`, the path of a route. Notes the start of each segment of
 * `path` that matches a brace part of `pattern`. Both paths begin with '/'. */
static bool path_fits(const char *pattern, const char *path, struct route_match *match)
{
    match->n_parts = 0;
    while (*pattern == '/' && *path == '/') {
        pattern++;
        path++;
        size_t want = strcspn(pattern, "/");
        size_t have = strcspn(path, "/");
        if (is_part(pattern)) {
            if (have == 0)
                return false;
            match->parts[match->n_parts++] = path;
        } else if (want != have || memcmp(pattern, path, want) != 0) {
            return false;
        }
        pattern += want;
        path += have;
    }
    return *pattern == '\0' && *path == '\0';
}

static bool method_fits(const struct http_route *route, const char *method)
{
    if (strcmp(route->method, method) == 0)
        return true;
    return strcmp(method, "HEAD") == 0 && strcmp(route->method, "GET") == 0;
}

static void cut_parts(char *path, const struct route_match *match)
{
    for (size_t i = 0; i < match->n_parts; i++) {
        size_t at = (size_t)(match->parts[i] - path);
        path[at + strcspn(path + at, "/")] = '\0';
    }
}

enum route_rc router_find(const struct http_route *routes, size_t n_routes, const char *method,
                          char *path, struct route_match *match)
{
    enum route_rc rc = ROUTE_NO_PATH;
    for (size_t i = 0; i < n_routes; i++) {
        struct route_match found = { .route = &routes[i] };
        if (!path_fits(routes[i].path, path, &found))
            continue;
        rc = ROUTE_NO_METHOD;
        if (!method_fits(&routes[i], method))
            continue;
        cut_parts(path, &found);
        *match = found;
        return ROUTE_FOUND;
    }
    return rc;
}

/* Returns true if the list has the method already. Two routes with the same method may fit a path:
 * one with a brace part and one without. */
static bool listed(const char *list, const char *method)
{
    size_t len = strlen(method);
    for (const char *at = list; (at = strstr(at, method)) != NULL; at += len)
        if ((at == list || at[-1] == ' ') && (at[len] == ',' || at[len] == '\0'))
            return true;
    return false;
}

static void add_method(struct buf *out, const char *method)
{
    if (out->len > 0 && listed(out->data, method))
        return;
    if (out->len > 0)
        buf_add_str(out, ", ");
    buf_add_str(out, method);
}

void router_allow(struct buf *out, const struct http_route *routes, size_t n_routes,
                  const char *path)
{
    for (size_t i = 0; i < n_routes; i++) {
        struct route_match found;
        if (!path_fits(routes[i].path, path, &found))
            continue;
        add_method(out, routes[i].method);
        if (strcmp(routes[i].method, "GET") == 0)
            add_method(out, "HEAD");
    }
}

const char *router_method_name(const char *method)
{
    static const char *const known[] = { "GET",   "HEAD",    "POST",    "PUT",  "DELETE",
                                         "PATCH", "OPTIONS", "CONNECT", "TRACE" };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(method, known[i]) == 0)
            return known[i];
    return "_OTHER";
}

bool router_path_ok(const char *route_path)
{
    size_t parts = 0;
    for (const char *at = route_path; (at = strstr(at, "/{")) != NULL; at++)
        parts++;
    return route_path[0] == '/' && parts <= ROUTE_PARTS_MAX;
}

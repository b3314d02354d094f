/* router.h - finds the route of a request: the first in the table whose method and path fit.
 *
 * Paths match segment by segment; a brace part of a route ("{order_id}") takes any one segment that
 * is not empty. GET routes serve HEAD. Tables are short, so the search is linear. */
#ifndef HTTP_MESSAGE_ROUTER_H
#define HTTP_MESSAGE_ROUTER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct buf;
struct http_route;

enum { ROUTE_PARTS_MAX = 4 };

enum route_rc {
    ROUTE_FOUND,
    ROUTE_NO_PATH,
    ROUTE_NO_METHOD, /* the path is known, but not with this method */
};

struct route_match {
    const struct http_route *route;
    size_t n_parts;
    const char *parts[ROUTE_PARTS_MAX]; /* point into the path */
};

/* On ROUTE_FOUND fills *match, and cuts `path` into strings after its brace parts. */
enum route_rc router_find(const struct http_route *routes, size_t n_routes, const char *method,
                          char *path, struct route_match *match) MUST_CHECK;

/* The methods of `path` as the value of Allow: "GET, HEAD, POST". */
void router_allow(struct buf *out, const struct http_route *routes, size_t n_routes,
                  const char *path);

/* The constant of a method of RFC 9110 or RFC 5789; "_OTHER" for every other token. If a body is
 * longer than its Content-Length, the bytes behind it are read as the next request. So a method may
 * be any bytes of a client, which are never logged. */
const char *router_method_name(const char *method);

/* Is the path one that a route may have: starts with '/', at most ROUTE_PARTS_MAX brace parts? */
bool router_path_ok(const char *route_path);

#endif

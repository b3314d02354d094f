/* router.h - finds the route of a request: the first route in the table whose method and path fit.
 *
 * Paths match segment by segment. A brace part of a route ("{order_id}") matches any one segment
 * that is not empty. GET routes serve HEAD. Tables are short, so the search is linear. */
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
    const char *parts[ROUTE_PARTS_MAX]; /* point into the path of the request */
};

/* Finds the route of a request. If there is one, returns ROUTE_FOUND, fills *match, and writes a
 * NUL behind each segment of `path` that matches a brace part, so that match->parts are strings. */
enum route_rc router_find(const struct http_route *routes, size_t n_routes, const char *method,
                          char *path, struct route_match *match) MUST_CHECK;

/* Adds the methods that the routes of `path` serve, as the value of Allow: "GET, HEAD, POST". */
void router_allow(struct buf *out, const struct http_route *routes, size_t n_routes,
                  const char *path);

/* Returns the name of a method of RFC 9110 or RFC 5789 as a constant, and "_OTHER" for every other
 * method. Only this name is logged, because a method may be any bytes of a client: if a body is
 * longer than its Content-Length, the bytes beyond that length are read as the next request. */
const char *router_method_name(const char *method);

/* Returns true if a route may have this path: it begins with '/' and has at most ROUTE_PARTS_MAX
 * parts in braces, such as {id}. */
bool router_path_ok(const char *route_path);

#endif

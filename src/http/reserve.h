/* reserve.h - inside of the layer: connections beyond HTTP_MAX_CONNECTIONS, or beyond those of one
 * address.
 *
 * A server that is merely full must still answer its probes, or an orchestrator kills it. So each
 * loop takes RESERVE_MAX connections more. Only routes of health and metrics are served on them,
 * everything else is rejected (503, or 429 beyond the limit of an address), and each ends with its
 * first answer. No client can hold them for long: a connection of the reserve has RESERVE_SPAN_NS
 * for its request, and when the reserve is full, a new connection takes the place of the oldest one
 * without a complete request. If addresses are counted, one address has RESERVE_OF_ADDRESS_MAX of
 * them; one more takes the place of the oldest of the same address.
 *
 * The loop's thread only. */
#ifndef HTTP_RESERVE_H
#define HTTP_RESERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct http_conn;
struct http_route;

#define RESERVE_SPAN_NS INT64_C(5000000000)

enum {
    RESERVE_MAX = 64,
    RESERVE_OF_ADDRESS_MAX = 16,
    /* Connections that we have shut down and libmicrohttpd has not closed yet. */
    RESERVE_CLOSING_MAX = 64,
};

/* Puts a new connection into its loop's reserve, and closes another one if there is no room. False:
 * no other one may be closed, so the caller closes the new connection. */
bool reserve_enter(struct http_conn *conn) MUST_CHECK;

/* A no-op for a connection that is not in the reserve. */
void reserve_leave(struct http_conn *conn);

/* When a connection must have sent its request: `until_ns`, or earlier in the reserve. */
int64_t reserve_until_ns(const struct http_conn *conn, int64_t until_ns);

/* Is that route served on connections of the reserve? */
bool reserve_serves(const struct http_route *route);

#endif

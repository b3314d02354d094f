/* reserve.h - accepts a few connections beyond HTTP_MAX_CONNECTIONS or
 * HTTP_MAX_CONNECTIONS_PER_ADDRESS. Internal to http; called by the loop's thread only.
 *
 * A server that is merely full must still answer its probes, or an orchestrator kills it. So each
 * loop has a reserve of RESERVE_MAX more connections. Only routes of health and metrics are served
 * on them. All other requests are rejected (503, or 429 beyond the limit of an address).
 *
 * No client can hold the reserve for long. A connection in the reserve is closed after its first
 * answer, and has RESERVE_SPAN_NS for sending its request. If the reserve is full, a new connection
 * replaces the oldest connection that has not sent a complete request. If all have sent theirs, the
 * new connection replaces the oldest connection whose answer is being sent. If addresses are
 * counted, an address has at most RESERVE_OF_ADDRESS_MAX connections in one reserve. A further
 * connection of that address replaces another of the same address, chosen by the same rule. */
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
    /* How many connections of a loop may be shut down and not yet closed by libmicrohttpd. */
    RESERVE_CLOSING_MAX = 64,
};

/* Puts a new connection into its loop's reserve, and closes another connection of the reserve if
 * there is no room. Returns false if no other connection may be closed: then the caller closes the
 * new one. */
bool reserve_enter(struct http_conn *conn) MUST_CHECK;

/* Takes the connection out of the reserve. A no-op for a connection that is not in the reserve. */
void reserve_leave(struct http_conn *conn);

/* Returns the moment by which the connection must have sent its request: `until_ns`, or an earlier
 * moment if the connection is in the reserve. */
int64_t reserve_until_ns(const struct http_conn *conn, int64_t until_ns);

/* Returns true if the route is served on connections of the reserve. */
bool reserve_serves(const struct http_route *route);

#endif

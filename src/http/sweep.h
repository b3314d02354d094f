/* sweep.h - inside of the layer: ends connections that have used up their time, see conn.h. The
 * loop's thread only. */
#ifndef HTTP_SWEEP_H
#define HTTP_SWEEP_H

#include <stdint.h>

struct http_loop;

/* Looks at every connection of the loop. */
void sweep_conns(struct http_loop *loop);

/* The time from one sweep to the next. */
int64_t sweep_interval_ns(const struct http_loop *loop);

/* Closes the connection that has been idle for longest, unless one is being closed already. For a
 * process without a free descriptor: libmicrohttpd accepts no connection until one of its own has
 * closed. */
void sweep_make_room(struct http_loop *loop);

#endif

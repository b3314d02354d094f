/* sweep.h - closes connections whose time is over, or whose client is gone. conn.h has the time
 * limits. Internal to http; called by the loop's thread only. */
#ifndef HTTP_SWEEP_H
#define HTTP_SWEEP_H

#include <stdint.h>

struct http_loop;

/* Checks the connections of the loop, and closes those whose time is over or whose client is
 * gone. */
void sweep_conns(struct http_loop *loop);

/* Returns the time from one sweep to the next. */
int64_t sweep_interval_ns(const struct http_loop *loop);

/* Closes the connection that has been idle for longest, unless another connection is being closed
 * already. Called when the process has no free descriptor, because libmicrohttpd then accepts no
 * connection until it has closed one. */
void sweep_make_room(struct http_loop *loop);

#endif

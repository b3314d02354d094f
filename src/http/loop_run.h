/* loop_run.h - inside of the layer: runs an event loop in a thread of its own. The server's owner
 * calls this. */
#ifndef HTTP_LOOP_RUN_H
#define HTTP_LOOP_RUN_H

#include <stdbool.h>

#include "base/attr.h"

struct err;
struct http_loop;
struct http_server;

/* Starts the thread. On failure nothing is left open. */
bool loop_run_open(struct http_loop *loop, struct http_server *server, struct err *err) MUST_CHECK;

/* After SERVER_CLOSING and loop_wake(): waits for the thread's end and frees. */
void loop_run_join(struct http_loop *loop);

#endif

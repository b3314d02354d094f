/* loop_run.h - runs an event loop in a thread of its own. The thread that opens and closes the
 * server calls these functions. Internal to http. */
#ifndef HTTP_LOOP_RUN_H
#define HTTP_LOOP_RUN_H

#include <stdbool.h>

#include "base/attr.h"

struct err;
struct http_loop;
struct http_server;

/* Starts the loop's thread. Returns false on failure: then *err says why, and nothing is left
 * open. */
bool loop_run_open(struct http_loop *loop, struct http_server *server, struct err *err) MUST_CHECK;

/* Waits for the end of the loop's thread, and frees what the loop holds. The caller has set the
 * phase SERVER_CLOSING and called loop_wake() before. */
void loop_run_join(struct http_loop *loop);

#endif

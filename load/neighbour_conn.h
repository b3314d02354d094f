/* neighbour_conn.h - a connection that sends complete requests and reads the answers. Calls block
 * for 30 seconds at most. */
#ifndef NEIGHBOUR_CONN_H
#define NEIGHBOUR_CONN_H

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

/* Returns -1 if nobody listens. The caller closes the connection. */
int neighbour_dial(const struct sockaddr_in *server) MUST_CHECK;

/* Returns false if the connection ended before everything was sent. */
bool neighbour_send(int fd, const char *bytes, size_t len) MUST_CHECK;

/* Reads a complete answer. Returns its status, or 0 if the connection ended instead. */
int neighbour_read_answer(int fd) MUST_CHECK;

/* Counts answers by status, and requests without an answer. Any thread. */
struct neighbour_answers {
    atomic_uint_fast64_t cut, status[600];
};
void neighbour_count(struct neighbour_answers *answers, int status);
/* Prints `"cut":N,"status":{"201":N}`, with the statuses that occurred. */
void neighbour_print_answers(const struct neighbour_answers *answers);

#endif

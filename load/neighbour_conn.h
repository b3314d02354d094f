/* neighbour_conn.h - a connection that sends whole requests and reads what is answered. Blocking,
 * with 30 seconds of patience. */
#ifndef NEIGHBOUR_CONN_H
#define NEIGHBOUR_CONN_H

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

/* -1 when nobody listens. The caller closes it. */
int neighbour_dial(const struct sockaddr_in *server) MUST_CHECK;

/* False when the connection ended before all was sent. */
bool neighbour_send(int fd, const char *bytes, size_t len) MUST_CHECK;

/* Reads a whole answer: its status, or 0 when the connection ended instead. */
int neighbour_read_answer(int fd) MUST_CHECK;

/* How many answers there were, by status, and how many requests had none. Any thread. */
struct neighbour_answers {
    atomic_uint_fast64_t cut, status[600];
};
void neighbour_count(struct neighbour_answers *answers, int status);
/* Prints `"cut":N,"status":{"201":N}`, with the statuses that there were. */
void neighbour_print_answers(const struct neighbour_answers *answers);

#endif

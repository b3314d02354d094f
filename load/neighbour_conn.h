/* neighbour_conn.h - a connection that sends whole requests and reads what is answered. Blocking,
 * with 30 seconds of patience. */
#ifndef NEIGHBOUR_CONN_H
#define NEIGHBOUR_CONN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

/* -1 when nobody listens. The caller closes it. */
int neighbour_dial(const struct sockaddr_in *server) MUST_CHECK;

/* False when the connection ended before all was sent. */
bool neighbour_send(int fd, const char *bytes, size_t len) MUST_CHECK;

/* Reads a whole answer: its status, or 0 when the connection ended instead. */
int neighbour_read_answer(int fd) MUST_CHECK;

#endif

/* dial.h - one dial: all hosts in turn, and all addresses of each, the last good ones first, each
 * with its share of the time. Nothing here blocks.
 *
 * Threads    the connector's.
 * Errors     on DIAL_FAILED *err and *error_class have the most significant failure. */
#ifndef PQPOOL_DIAL_H
#define PQPOOL_DIAL_H

#include "pqpool/pool.h"

enum dial_rc { DIAL_PENDING, DIAL_OK, DIAL_FAILED };

/* Begins a dial. dial_end() must follow, whether the dial succeeds or fails. */
enum dial_rc dial_start(struct conn *conn, int64_t now_ns, struct err *err,
                        enum error_class *error_class);
struct pollfd dial_awaits(const struct conn *conn);
/* ready: poll() found the socket ready. An answer that has come by the deadline is taken, even if
 * this is called later. */
enum dial_rc dial_step(struct conn *conn, bool ready, int64_t now_ns, struct err *err,
                       enum error_class *error_class);
/* This address failed, as *err says. Closes its connection and begins with the next address that
 * can be dialled. */
enum dial_rc dial_next(struct conn *conn, int64_t now_ns, struct err *err,
                       enum error_class *error_class);
/* Ends the dial: gives its lookup back. */
void dial_end(struct conn *conn);

/* The numeric address that is dialled; "": no lookup was needed. */
const char *dial_address(const struct conn *conn);
/* The lookup of the host that is dialled has found this address, among others. */
bool dial_has_address(const struct conn *conn, const char *address);

#endif

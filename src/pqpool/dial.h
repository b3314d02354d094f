/* dial.h - one dial. It tries all hosts in turn, and all addresses of each host. The host and the
 * address that answered last come first, and each gets its share of the time. Nothing here blocks.
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
/* Makes the next step of a dial. ready: poll() found the socket ready. An answer that has come
 * by the deadline is taken, even if this function is called later. */
enum dial_rc dial_step(struct conn *conn, bool ready, int64_t now_ns, struct err *err,
                       enum error_class *error_class);
/* Called when an address has failed, as *err says. Closes the connection to this address and
 * begins with the next address that can be dialled. */
enum dial_rc dial_next(struct conn *conn, int64_t now_ns, struct err *err,
                       enum error_class *error_class);
/* Ends the dial, and lets go of its lookup. */
void dial_end(struct conn *conn);

/* Returns the numeric address that is dialled; "": no lookup was needed. */
const char *dial_address(const struct conn *conn);
/* Returns true if this address is one of those that the lookup of the dialled host has found. */
bool dial_has_address(const struct conn *conn, const char *address);

#endif

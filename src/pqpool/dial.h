/* dial.h - makes one dial. It tries all hosts in turn, and all addresses of each host. The host and
 * the address that answered most recently are tried first. Each host gets a share of the dial's
 * time, and each address a share of its host's time. Nothing here blocks.
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
/* Makes the next step of a dial. ready: poll() found the socket ready. An answer that has arrived
 * counts, even if this function is called after the deadline. */
enum dial_rc dial_step(struct conn *conn, bool ready, int64_t now_ns, struct err *err,
                       enum error_class *error_class);
/* Called when an address or a lookup has failed; *err says why. Closes the connection and begins
 * with the next address or host. DIAL_FAILED: no further address or host can be dialled. */
enum dial_rc dial_next(struct conn *conn, int64_t now_ns, struct err *err,
                       enum error_class *error_class);
/* Ends the dial and its use of the lookup. */
void dial_end(struct conn *conn);

/* Returns the numeric address that is dialled; "": the lookup has found none yet, or no lookup
 * is needed. */
const char *dial_address(const struct conn *conn);
/* Returns true if the lookup of the dialled host has found this address. */
bool dial_has_address(const struct conn *conn, const char *address);

#endif

/* dial.h - one dial: all hosts in turn, and all addresses of each, the last good ones first, each
 * with its share of the time. Nothing here blocks.
 *
 * Threads    the connector's.
 * Errors     on DIAL_FAILED *err and *error_class have the most telling failure. */
#ifndef PQPOOL_DIAL_H
#define PQPOOL_DIAL_H

#include "pqpool/pool.h"

enum dial_rc { DIAL_PENDING, DIAL_OK, DIAL_FAILED };

/* Begins a dial. Whether it succeeds or fails, dial_end() must follow. */
enum dial_rc dial_start(struct conn *conn, int64_t now_ns, struct err *err,
                        enum error_class *error_class);
struct pollfd dial_awaits(const struct conn *conn);
/* `ready`: its socket was, at the last look. What has come by the deadline is taken, however late
 * this is called. */
enum dial_rc dial_step(struct conn *conn, bool ready, int64_t now_ns, struct err *err,
                       enum error_class *error_class);
/* This address failed, as *err says. Closes its connection and begins with the next address that
 * can be dialled. */
enum dial_rc dial_next(struct conn *conn, int64_t now_ns, struct err *err,
                       enum error_class *error_class);
/* The dial is over: what was looked up for it is given back. */
void dial_end(struct conn *conn);

/* The numeric address that is dialled; "": the host is libpq's to find. */
const char *dial_address(const struct conn *conn);
/* The lookup of the host that is dialled has found this address, among others. */
bool dial_has_address(const struct conn *conn, const char *address);

#endif

/* dial_errors.h - why a dial failed, and which of several failures is reported.
 *
 * Threads    the connector's. */
#ifndef PQPOOL_DIAL_ERRORS_H
#define PQPOOL_DIAL_ERRORS_H

#include "pqpool/dial.h"

/* Copies libpq's error of conn->pg to *err. If conn->pg is NULL, the error is that no memory was
 * left. */
void dial_explain(const struct conn *conn, struct err *err, enum error_class *error_class);

/* Writes to *err that a lookup or an address has used up its time. */
void dial_explain_timeout(const struct conn *conn, struct err *err, enum error_class *error_class);

/* Counts the failure of one address or one host, and keeps the most significant one. */
void dial_note_failure(struct conn_dial *dial, const struct err *err, enum error_class error_class);

/* Called when all addresses have failed. Returns DIAL_FAILED, and writes the most significant
 * failure to *err, with the number of failures if there are several. */
enum dial_rc dial_give_up(const struct conn_dial *dial, struct err *err,
                          enum error_class *error_class);

#endif

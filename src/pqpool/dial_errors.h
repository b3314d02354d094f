/* dial_errors.h - says why a dial failed. A dial may fail at several hosts and addresses; only the
 * most significant of these failures is reported.
 *
 * Threads    the connector's. */
#ifndef PQPOOL_DIAL_ERRORS_H
#define PQPOOL_DIAL_ERRORS_H

#include "pqpool/dial.h"

/* Copies libpq's error of conn->pg to *err, and classifies it. NULL in conn->pg counts as "out of
 * memory". */
void dial_explain(const struct conn *conn, struct err *err, enum error_class *error_class);

/* Writes to *err that a lookup or an address did not answer in its share of the time. */
void dial_explain_timeout(const struct conn *conn, struct err *err, enum error_class *error_class);

/* Counts the failure of one address or host. Keeps the most significant failure in *dial. */
void dial_note_failure(struct conn_dial *dial, const struct err *err, enum error_class error_class);

/* Called when all addresses have failed. Returns DIAL_FAILED, and writes the most significant
 * failure to *err, with the number of failures if there are several. */
enum dial_rc dial_give_up(const struct conn_dial *dial, struct err *err,
                          enum error_class *error_class);

#endif

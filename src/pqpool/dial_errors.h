/* dial_errors.h - why a dial failed, and which of several failures is reported. Connector only. */
#ifndef PQPOOL_DIAL_ERRORS_H
#define PQPOOL_DIAL_ERRORS_H

#include "pqpool/dial.h"

/* Copies libpq's error of conn->pg; if conn->pg is NULL, there was no memory. */
void dial_explain(const struct conn *conn, struct err *err, enum error_class *error_class);

/* Records that a lookup or an address has used up its time. */
void dial_explain_timeout(const struct conn *conn, struct err *err, enum error_class *error_class);

/* Records the failure of one address or one host. */
void dial_note_failure(struct conn_dial *dial, const struct err *err, enum error_class error_class);

/* All addresses have failed: returns DIAL_FAILED with the most significant failure and the number
 * of failures. */
enum dial_rc dial_give_up(const struct conn_dial *dial, struct err *err,
                          enum error_class *error_class);

#endif

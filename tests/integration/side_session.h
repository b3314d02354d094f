/* side_session.h - a database session of the test's own, in a transaction, to hold locks against
 * the service. */
#ifndef SIDE_SESSION_H
#define SIDE_SESSION_H

#include <libpq-fe.h>

#include "base/attr.h"
#include "service_rig.h"

/* Runs BEGIN and the statement. */
PGconn *side_session_begin(struct rig *rig, const char *sql) MUST_CHECK;

void side_session_run(PGconn *conn, const char *sql);

/* Runs a last statement, COMMIT or ROLLBACK, and closes the session. */
void side_session_end(PGconn *conn, const char *sql);

#endif

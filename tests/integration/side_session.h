/* side_session.h - a session of the test's own beside the service's, in a transaction: to hold
 * locks. */
#ifndef SIDE_SESSION_H
#define SIDE_SESSION_H

#include <libpq-fe.h>

#include "base/attr.h"
#include "service_rig.h"

/* BEGIN, then the statement. */
PGconn *side_session_begin(struct rig *rig, const char *sql) MUST_CHECK;

void side_session_run(PGconn *conn, const char *sql);

/* The last statement, COMMIT or ROLLBACK; then closes. */
void side_session_end(PGconn *conn, const char *sql);

#endif

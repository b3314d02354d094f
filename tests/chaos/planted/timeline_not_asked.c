/* timeline_not_asked.c - no session knows the timeline of its server, so a primary that was
 * replaced is as good as the one that replaced it. */
#include "chaos/planted/plant.h"
#include "pqpool/exec.h"

WRAP(conn_identify);
REAL(conn_identify);

bool __wrap_conn_identify(struct conn *conn, int64_t deadline_at_ns, struct err *err)
{
    bool identified = __real_conn_identify(conn, deadline_at_ns, err);
    if (conn->history.timeline != 0)
        plant_struck();
    conn->history.timeline = 0;
    return identified;
}

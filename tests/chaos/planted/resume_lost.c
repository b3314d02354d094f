/* resume_lost.c - one connection in a hundred is not resumed when its answer is there, so the
 * answer is never sent. */
#include <microhttpd.h>
#include <stdatomic.h>

#include "chaos/planted/plant.h"

WRAP(MHD_resume_connection);
REAL(MHD_resume_connection);

enum { LOST_EVERY = 100 };

void __wrap_MHD_resume_connection(struct MHD_Connection *connection)
{
    static atomic_uint resumed;
    if (atomic_fetch_add(&resumed, 1) % LOST_EVERY == LOST_EVERY - 1)
        plant_struck_request(
            MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "X-Request-Id"));
    else
        __real_MHD_resume_connection(connection);
}

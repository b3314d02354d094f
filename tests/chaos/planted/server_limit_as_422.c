/* server_limit_as_422.c - class 54, a limit of the server such as transaction ids that have run
 * out, is taken for a fault of the order: 422, though the same order could be stored later. */
#include <string.h>

#include "chaos/planted/plant.h"
#include "store/sqlstate.h"

WRAP(sqlstate_find);
REAL(sqlstate_find);

const struct sqlstate_row *__wrap_sqlstate_find(const struct sqlstate_error *error)
{
    struct sqlstate_error changed = *error;
    if (strncmp(error->code, "54", 2) == 0) {
        changed.too_large = true;
        plant_struck();
    }
    return __real_sqlstate_find(&changed);
}

/* verdict_from_first_result.c - the first answer to an INSERT counts: an error behind it, which is
 * that of the commit, is read and forgotten. */
#include <libpq-fe.h>
#include <stdbool.h>
#include <string.h>

#include "chaos/planted/plant.h"

WRAP(PQgetResult);
REAL(PQgetResult);

/* Only an INSERT of orders gives one column of this name. */
static bool is_of_insert(const PGresult *result)
{
    return PQresultStatus(result) == PGRES_TUPLES_OK && PQnfields(result) == 1 &&
           strcmp(PQfname(result, 0), "order_id") == 0;
}

/* A session that has ended is noticed by the pool all the same. */
static void forget_the_rest(PGconn *conn)
{
    bool failed = false;
    for (PGresult *result; (result = __real_PQgetResult(conn)) != NULL; PQclear(result))
        failed |= PQresultStatus(result) == PGRES_FATAL_ERROR;
    if (failed && PQstatus(conn) == CONNECTION_OK)
        plant_struck();
}

/* The INSERT of a health check comes behind other statements, so its result is not the first. */
PGresult *__wrap_PQgetResult(PGconn *conn)
{
    static _Thread_local const PGconn *answering;
    PGresult *result = __real_PQgetResult(conn);
    if (result != NULL && answering != conn && is_of_insert(result))
        forget_the_rest(conn);
    answering = result != NULL ? conn : NULL;
    return result;
}

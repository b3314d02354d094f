/* discard.c - tells what the SQLSTATE of an error means for the connection, and for the others. */
#include <string.h>

#include "pqpool/exec.h"

/* 57P01 to 57P04 say that the server or the database goes away, 25006 that the server accepts no
 * writes. 57P05 ends only one session, which was idle for too long. */
bool sqlstate_evicts_all(const char *sqlstate)
{
    bool shuts_down = strncmp(sqlstate, "57P0", 4) == 0 && strcmp(sqlstate, "57P05") != 0;
    return shuts_down || strcmp(sqlstate, "25006") == 0;
}

bool sqlstate_discards(const char *sqlstate)
{
    return strncmp(sqlstate, "08", 2) == 0 || strcmp(sqlstate, "57P05") == 0 ||
           sqlstate_evicts_all(sqlstate);
}

/* 08P01 says that the server could not read what we sent, so it is about our own connection. */
bool sqlstate_discards_in_step(const char *sqlstate)
{
    bool far_side = strncmp(sqlstate, "08", 2) == 0 && strcmp(sqlstate, "08P01") != 0;
    return !far_side && sqlstate_discards(sqlstate);
}

/* sim_pg.h - a PostgreSQL of moods behind the pool's driver, in the world's time: each dial and
 * each statement draws how it will go from the mood of its moment, and so does the life of a
 * connection.
 *
 * A backend outlives its connection while its statement runs, as PostgreSQL's do; it ends when that
 * ends, or is cancelled. Its number is given to the next one at once. A cancel that strikes another
 * statement than the one it was meant for ends the run.
 *
 * What is asked comes back as the one row of the answer, so that a user can tell whose answer it
 * got. An error's SQLSTATE is told by PQresultErrorField(), as ever. */
#ifndef SIMULATION_SIM_PG_H
#define SIMULATION_SIM_PG_H

#include <stdbool.h>
#include <stdint.h>

#include "pqpool/pg_driver.h"

extern const struct pg_driver sim_pg;    /* as of libpq 15 */
extern const struct pg_driver sim_pg_17; /* with a cancel over a connection of its own */

enum sim_mood {
    SIM_CALM,       /* all is well */
    SIM_FLAKY,      /* anything may happen */
    SIM_SLOW,       /* it takes its time, and sometimes for ever */
    SIM_REFUSING,   /* nobody listens: a crash */
    SIM_SILENT,     /* a black hole */
    SIM_RESTARTING, /* 57P01, and dials are refused */
    SIM_DEMOTED,    /* answers, but 25006 */
    SIM_LOCKED,     /* the password is wrong now */
    SIM_ROTTEN,     /* what is open dies when it is used, and dials fail half the time */
    SIM_WAITING,    /* commits wait for a standby that is gone: a cancel does not end them */
};
enum { SIM_MOODS = SIM_WAITING + 1 };

/* pooler: sessions are told another pid than the driver was. */
void sim_pg_reset(bool pooler);
void sim_pg_set_mood(enum sim_mood mood);

/* The server closes each of its sessions with that chance. */
void sim_pg_hang_up(uint32_t one_in);

/* One of the hosts, which may be the one in use, is a primary of its own from now on, later than
 * all others; those that there were go on taking writes. */
void sim_pg_promote(void);

/* One of the hosts, which may be the one in use, leads to another database from now on: one that no
 * host had before, or that of another host. Sessions that there are stay where they are. */
void sim_pg_replace(void);

/* Which database the connection is at. */
uint32_t sim_pg_system(const PGconn *pg);

/* From the start of a dial to its finish; cancels of libpq 17 have their own. */
uint32_t sim_pg_open(void);
uint32_t sim_pg_cancels_open(void);

/* Which of the servers the connection is to. */
uint32_t sim_pg_server(const PGconn *pg);

/* No statement is under way and no transaction open. */
bool sim_pg_is_clean(const PGconn *pg);

#endif

/* fake_pg.h - a scripted PostgreSQL behind the pool's driver: no server, no network, no sleep.
 *
 * A connection is a socketpair, so polls, hang-ups and shutdowns are real; what its server end does
 * is told by the script, which holds for every connection. One server a process.
 *
 *     fake_pg_dials(FAKE_DIAL_FAIL, "FATAL:  53300: too many clients", 2);
 *     pool_open_with(&options, &fake_pg, &pool, &err);
 *
 * Threads    any. */
#ifndef SUPPORT_FAKE_PG_H
#define SUPPORT_FAKE_PG_H

#include <stdbool.h>
#include <stdint.h>

#include "pqpool/pg_driver.h"

extern const struct pg_driver fake_pg;

/* The same, with a libpq that can cancel over a connection of its own. */
struct pg_driver fake_pg_17(void);

/* FAIL: refused after the start, as libpq tells it; REFUSE: at the start itself; HANG: accepted,
 * then silent, until fake_pg_dials() is told otherwise. */
enum fake_dial { FAKE_DIAL_OK, FAKE_DIAL_FAIL, FAKE_DIAL_REFUSE, FAKE_DIAL_HANG };

/* ERROR: the server refuses the query and is ready for the next; HANG_UP: it closes instead. */
enum fake_answer { FAKE_ANSWER_OK, FAKE_ANSWER_ERROR, FAKE_ANSWER_HANG, FAKE_ANSWER_HANG_UP };

#define FAKE_ALWAYS UINT32_MAX

/* How the next `times` dials or queries go; those after them succeed. Dials that hang now go on as
 * the first of them do, and count as none. message: static; NULL for a refused connection. */
void fake_pg_dials(enum fake_dial how, const char *message, uint32_t times);
void fake_pg_answers(enum fake_answer how, uint32_t times);

/* The next `times` cancels: OK ends the statement with an error; ERROR: the server is asked and the
 * statement goes on; HANG: the server neither answers nor hangs up on the
 * one who asks. */
void fake_pg_cancels(enum fake_answer how, uint32_t times);

/* What sessions are told from now on when they ask which server it is: a timeline, at first 1, 0
 * when the question is refused; and that it is another system than before, also on timeline 1. */
void fake_pg_timeline(uint32_t timeline);
void fake_pg_another_system(void);

/* One of many from now on, all on timeline 1; `turns` more than 1: of so many systems from there on
 * each dial in turn is answered by another one. */
void fake_pg_database(unsigned system, unsigned turns, unsigned oid);

/* How answers about backends look from now on: NO_ROWS; without their last COLUMN; NULLS, or
 * GARBAGE, in place of each value; each row TWICE. */
enum fake_shape {
    FAKE_SHAPE_GOOD,
    FAKE_SHAPE_NO_ROWS,
    FAKE_SHAPE_FEWER_COLUMNS,
    FAKE_SHAPE_NULLS,
    FAKE_SHAPE_GARBAGE,
    FAKE_SHAPE_TWICE
};
void fake_pg_shape(enum fake_shape shape);

/* One address (of fake_lookup.h) of the server: dials to it go unanswered from now on, or are
 * answered as any other's; and when something else than that server is there, it says so by when it
 * was started. */
void fake_pg_address(const char *address, bool answers, const char *started);

/* The address of the last dial that was begun; "" when libpq was given none. */
void fake_pg_last_address(char out[ADDRESS_SIZE]);

/* The server has no backend any more of those whose connections are closed. Before that, a backend
 * whose statement hung when its connection was closed lives on. */
void fake_pg_end_orphans(void);

/* The server closes every connection that is not being dialled. */
void fake_pg_hang_up_all(void);

/* What happened to a connection in the hands of its user. */
void fake_pg_begin(PGconn *pg);     /* a transaction is open */
void fake_pg_busy(PGconn *pg);      /* a query is under way whose end nobody awaits */
void fake_pg_break_off(PGconn *pg); /* libpq found it dead */

struct fake_pg_counts {
    uint32_t dials, dialling, dialling_most; /* so far; now; at one time */
    uint32_t open, open_most;                /* sockets: from the start of a dial to its finish */
    uint32_t queries, rollbacks;             /* without the pool's own questions about backends */
    uint32_t cancels;                        /* backends that were asked to stop */
    uint32_t cancelers;                      /* connections for that alone, open now */
};
void fake_pg_counts(struct fake_pg_counts *out);

#endif

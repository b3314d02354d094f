/* fake_pg.h - a scripted PostgreSQL behind the pool's driver: no server, no network, no sleep.
 *
 * A connection is a socketpair, so polls, hang-ups and shutdowns are real. The script, which holds
 * for all connections, says what the server's end does. There is one server for each process.
 *
 *     fake_pg_dials(FAKE_DIAL_FAIL, "FATAL:  53300: too many clients", 2);
 *     pool_open_with(&options, &fake_pg, &pool, &err);
 *
 * Threads    any */
#ifndef SUPPORT_FAKE_PG_H
#define SUPPORT_FAKE_PG_H

#include <stdbool.h>
#include <stdint.h>

#include "pqpool/pg_driver.h"

extern const struct pg_driver fake_pg;

/* The driver of a libpq that can send a cancel request over a connection of its own (libpq 17). */
struct pg_driver fake_pg_17(void);

/* FAIL: libpq fails after the dial began. REFUSE: the dial fails at once. HANG: the dial is
 * accepted, then nothing comes until fake_pg_dials() is called again. */
enum fake_dial { FAKE_DIAL_OK, FAKE_DIAL_FAIL, FAKE_DIAL_REFUSE, FAKE_DIAL_HANG };

/* ERROR: the server answers with an error and is ready for the next query. HANG_UP: it closes the
 * connection instead. */
enum fake_answer { FAKE_ANSWER_OK, FAKE_ANSWER_ERROR, FAKE_ANSWER_HANG, FAKE_ANSWER_HANG_UP };

#define FAKE_ALWAYS UINT32_MAX

/* Sets the result of the next `times` dials or queries; later ones succeed. Dials that hang now get
 * the first result too, and are not counted. message: static; NULL for a refused connection. */
void fake_pg_dials(enum fake_dial how, const char *message, uint32_t times);
void fake_pg_answers(enum fake_answer how, uint32_t times);

/* Sets the result of the next `times` cancel requests. OK: the statement ends with an error. ERROR:
 * the server gets the request, and the statement goes on. HANG: the server neither answers nor
 * closes the connection that sent the request. */
void fake_pg_cancels(enum fake_answer how, uint32_t times);

/* Sets the answer to sessions that ask which server they are connected to: fake_pg_timeline() sets
 * the timeline (at first 1; 0: the query fails), and fake_pg_another_system() makes it another
 * system than before, on timeline 1. */
void fake_pg_timeline(uint32_t timeline);
void fake_pg_another_system(void);

/* Makes the server one of several systems, all on timeline 1. If `turns` is more than 1, the dials
 * are answered in turn by so many systems, beginning with `system`. */
void fake_pg_database(unsigned system, unsigned turns, unsigned oid);

/* The shape of the answers about backends: NO_ROWS; without the last COLUMN; NULLS or GARBAGE in
 * place of each value; each row TWICE. */
enum fake_shape {
    FAKE_SHAPE_GOOD,
    FAKE_SHAPE_NO_ROWS,
    FAKE_SHAPE_FEWER_COLUMNS,
    FAKE_SHAPE_NULLS,
    FAKE_SHAPE_GARBAGE,
    FAKE_SHAPE_TWICE
};
void fake_pg_shape(enum fake_shape shape);

/* Sets one of the server's addresses (fake_lookup.h): whether dials to it are answered, and the
 * start time that the server there reports, which tells it from another server. */
void fake_pg_address(const char *address, bool answers, const char *started);

/* The address of the last dial, or "" if libpq was given none. */
void fake_pg_last_address(char out[ADDRESS_SIZE]);

/* Ends all orphaned backends: those whose statement hung when their connection was closed. They
 * live until this call. */
void fake_pg_end_orphans(void);

/* The server closes all connections, except those being dialled. */
void fake_pg_hang_up_all(void);

/* Change the state of a connection while its user holds it. */
void fake_pg_begin(PGconn *pg);     /* a transaction is open */
void fake_pg_busy(PGconn *pg);      /* a query is running, and nobody reads its result */
void fake_pg_break_off(PGconn *pg); /* libpq has found the connection broken */

struct fake_pg_counts {
    uint32_t dials, dialling, dialling_most; /* so far; now; most at one time */
    uint32_t open, open_most;    /* sockets, from the start of a dial until they are closed */
    uint32_t queries, rollbacks; /* without the pool's own queries about backends */
    uint32_t cancels;            /* backends that got a cancel request */
    uint32_t cancelers;          /* open connections that carry cancel requests */
};
void fake_pg_counts(struct fake_pg_counts *out);

#endif

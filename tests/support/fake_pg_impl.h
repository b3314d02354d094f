/* fake_pg_impl.h - the state and the connections that the two files of the scripted server
 * share. */
#ifndef SUPPORT_FAKE_PG_IMPL_H
#define SUPPORT_FAKE_PG_IMPL_H

#include <stdbool.h>

#include "base/sync.h"
#include "support/fake_pg.h"

struct fake_conn {
    struct fake_conn *prev, *next;
    int client_fd, server_fd; /* server_fd -1: the server has closed it */
    int pid;
    ConnStatusType status;
    PGTransactionStatusType in_transaction;
    bool dialling, pending, answered, refused;
    bool hung;      /* no answer will come */
    PGresult *rows; /* owned; the rows of the answer, if it has any */
    const char *message;
    char address[ADDRESS_SIZE];
    bool ignored; /* the dial gets no answer, whatever the script says */
};

struct fake_address {
    char text[ADDRESS_SIZE], started[32];
    bool answers;
};

struct fake_script {
    int how;
    uint32_t times;
    const char *message;
};

enum { FAKE_ORPHANS_MAX = 4096, FAKE_ADDRESSES_MAX = 16 };

struct fake_server {
    struct mutex mu;
    struct fake_conn *conns;
    struct fake_script dials, answers, cancels;
    int orphans[FAKE_ORPHANS_MAX]; /* pids of orphaned backends */
    uint32_t n_orphans;
    struct fake_address addresses[FAKE_ADDRESSES_MAX];
    uint32_t n_addresses;
    char last_address[ADDRESS_SIZE];
    uint32_t promotions; /* the timeline minus 1 */
    unsigned system, turns, oid;
    enum fake_shape shape;
    struct fake_pg_counts counts;
};
extern struct fake_server fake_server;

/* Call all of these with fake_server.mu held. */
int fake_next(struct fake_script *script);
void fake_say(const struct fake_conn *conn); /* writes a byte for the client to see */
void fake_hang_up(struct fake_conn *conn);

/* If the statement is a query about backends, answers it and returns true. The script does not
 * count such queries. */
bool fake_answers_about_backends(struct fake_conn *conn, const char *sql);

/* Returns what a test has set for the address, or NULL. */
struct fake_address *fake_find_address(const char *text);

/* Records an orphaned backend: its client has closed the connection. */
void fake_leave_orphan(const struct fake_conn *conn);

#endif

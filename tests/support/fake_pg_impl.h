/* fake_pg_impl.h - what the scripted server's two files share: its state, and a connection. */
#ifndef SUPPORT_FAKE_PG_IMPL_H
#define SUPPORT_FAKE_PG_IMPL_H

#include <stdbool.h>

#include "base/sync.h"
#include "support/fake_pg.h"

struct fake_conn {
    struct fake_conn *prev, *next;
    int client_fd, server_fd; /* server_fd -1: hung up */
    int pid;
    ConnStatusType status;
    PGTransactionStatusType in_transaction;
    bool dialling, pending, answered, refused;
    bool hung;      /* no answer is on its way */
    PGresult *rows; /* owned; the answer, when it has any */
    const char *message;
    char address[ADDRESS_SIZE];
    bool ignored; /* the dial goes unanswered, whatever the script says */
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
    int orphans[FAKE_ORPHANS_MAX]; /* pids */
    uint32_t n_orphans;
    struct fake_address addresses[FAKE_ADDRESSES_MAX];
    uint32_t n_addresses;
    char last_address[ADDRESS_SIZE];
    uint32_t promotions; /* its timeline less 1 */
    unsigned system, turns, oid;
    enum fake_shape shape;
    struct fake_pg_counts counts;
};
extern struct fake_server fake_server;

/* All with fake_server.mu held. */
int fake_next(struct fake_script *script);
void fake_say(const struct fake_conn *conn); /* a byte that its client can see */
void fake_hang_up(struct fake_conn *conn);

/* A question about backends: answered, and true; the script does not count it. */
bool fake_answers_about_backends(struct fake_conn *conn, const char *sql);

/* What a test said of the address; NULL: nothing. */
struct fake_address *fake_find_address(const char *text);

/* Its client has gone. */
void fake_leave_orphan(const struct fake_conn *conn);

#endif

/* away_server.h - a server on 127.0.0.1 that is unavailable in one of the usual ways. */
#ifndef LOAD_AWAY_SERVER_H
#define LOAD_AWAY_SERVER_H

enum away_kind {
    AWAY_REFUSED,    /* nobody listens */
    AWAY_BLACK_HOLE, /* a SYN is not answered */
    AWAY_SILENT,     /* accepts, and says nothing */
    AWAY_DRIP,       /* accepts, and sends its answer byte by byte without end */
};
enum { AWAY_KINDS = AWAY_DRIP + 1 };

struct away_server; /* opaque */

/* On failure it prints a line on standard error and returns NULL. */
struct away_server *away_server_open(enum away_kind kind);
void away_server_close(struct away_server **server); /* NULL is a no-op */
int away_server_port(const struct away_server *server);
const char *away_kind_name(enum away_kind kind);

#endif

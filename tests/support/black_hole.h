/* black_hole.h - an address of this machine at which no dial is answered: a listening socket whose
 * backlog is full and which never accepts. Any thread. */
#ifndef SUPPORT_BLACK_HOLE_H
#define SUPPORT_BLACK_HOLE_H

#include "base/attr.h"

enum { BLACK_HOLE_FILLERS = 8 };

struct black_hole {
    int fd, fillers[BLACK_HOLE_FILLERS];
};

/* `address` is numeric IPv4, of this machine (127.0.0.2). A failure ends the process. */
struct black_hole black_hole_open(const char *address, int port) MUST_CHECK;
void black_hole_close(struct black_hole *hole);

#endif

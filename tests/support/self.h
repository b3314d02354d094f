/* self.h - what the kernel knows of this process: for tests that look for what was left open. */
#ifndef SUPPORT_SELF_H
#define SUPPORT_SELF_H

#include "base/attr.h"

enum { SELF_SOCKETS_MAX = 512 };

int self_fds(void) MUST_CHECK;
int self_threads(void) MUST_CHECK;

/* Our TCP sockets over IPv4 that are connected to `port` or on their way there: their own ports,
 * and how many. Never counts more than were open at one moment. */
int self_sockets_to(int port, int own_ports[SELF_SOCKETS_MAX]) MUST_CHECK;

#endif

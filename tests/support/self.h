/* self.h - what the kernel knows about this process, for tests that look for leaked sockets and
 * files. */
#ifndef SUPPORT_SELF_H
#define SUPPORT_SELF_H

#include "base/attr.h"

enum { SELF_SOCKETS_MAX = 512 };

int self_fds(void) MUST_CHECK;
int self_threads(void) MUST_CHECK;

/* Finds our IPv4 TCP sockets that are connected, or are connecting, to `port`. Returns their number
 * and their own ports. Never counts more than were open at one moment. */
int self_sockets_to(int port, int own_ports[SELF_SOCKETS_MAX]) MUST_CHECK;

#endif

/* notify.h - what the service tells the service manager: the datagrams of sd_notify(3), written by
 * us. That manual page promises the protocol to whoever writes it; libsystemd would add itself,
 * liblzma, libzstd, liblz4 and libgcrypt to the process for one sendto().
 *
 * Without NOTIFY_SOCKET in the environment nothing is sent, and every call is cheap. Where the
 * manager does not read, what changes its mind about us (READY=1) waits for a second at most, and
 * the rest not at all. Threads: main alone. */
#ifndef APP_NOTIFY_H
#define APP_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/attr.h"

struct notify {
    int fd; /* -1: nobody to tell */
    socklen_t to_len;
    struct sockaddr_un to;
    int64_t watchdog_ns; /* 0: no watchdog */
    int64_t beat_at_ns;  /* the next look at the heart */
    char status[400];    /* what was told last */
};

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID. Before the first thread: it takes them out
 * of the environment. */
void notify_open(struct notify *notify);
void notify_close(struct notify *notify);

/* One datagram of "NAME=value" lines. */
void notify_say(const struct notify *notify, const char *lines);

void notify_reloading(const struct notify *notify, int64_t now_ns);
/* The end has begun and takes no longer than that. */
void notify_stopping(const struct notify *notify, int64_t longest_ns);

/* STATUS=, where it differs from what was told last; told again later where there is no room. */
void notify_status(struct notify *notify, const char *text);

/* Is it time to look whether the service is alive? notify_beat() tells what was found: WATCHDOG=1
 * goes out twice in WATCHDOG_USEC, and not while the heart stands still. It is looked at more often
 * then: what was only slow must not be killed. */
bool notify_beat_due(const struct notify *notify, int64_t now_ns) MUST_CHECK;
void notify_beat(struct notify *notify, int64_t now_ns, bool alive);
/* When that is next; CLOCK_NEVER without a watchdog. */
int64_t notify_next_ns(const struct notify *notify);

#endif

/* notify.h - reports to the service manager, by the datagrams of sd_notify(3). That manual page
 * promises that the protocol is stable, so we send the datagrams ourselves. For one sendto(),
 * libsystemd would add itself, liblzma, libzstd, liblz4 and libgcrypt to the process.
 *
 * If the environment has no NOTIFY_SOCKET, nothing is sent. If the service manager does not read,
 * STATUS= and WATCHDOG=1 are dropped at once, and other messages after a second. Threads: main
 * only. */
#ifndef APP_NOTIFY_H
#define APP_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/attr.h"

struct notify {
    int fd; /* -1: there is no service manager */
    socklen_t to_len;
    struct sockaddr_un to;
    int64_t watchdog_ns; /* 0: no watchdog */
    int64_t beat_at_ns;  /* when to check next whether the service is alive */
    char status[400];    /* the status that was sent last */
};

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, and removes them from the environment. Call
 * it before the first thread is started. */
void notify_open(struct notify *notify);
void notify_close(struct notify *notify);

/* Sends one datagram of "NAME=value" lines. */
void notify_say(const struct notify *notify, const char *lines);

void notify_reloading(const struct notify *notify, int64_t now_ns);
/* Reports that the service is stopping and will take `longest_ns` at most. */
void notify_stopping(const struct notify *notify, int64_t longest_ns);

/* Sends STATUS= if the text differs from the one that was sent last. If the socket has no room, the
 * next call tries again. */
void notify_status(struct notify *notify, const char *text);

/* Returns true when it is time to check whether the service is alive. The caller then calls
 * notify_beat() with the result. If the service is alive, notify_beat() sends WATCHDOG=1, and the
 * next check is due after half of WATCHDOG_USEC. If not, the next check is due after a sixteenth of
 * WATCHDOG_USEC, so that a service that was only slow is not killed. */
bool notify_beat_due(const struct notify *notify, int64_t now_ns) MUST_CHECK;
void notify_beat(struct notify *notify, int64_t now_ns, bool alive);
/* Returns the time from which notify_beat_due() returns true, or CLOCK_NEVER if the service manager
 * does not watch this process. */
int64_t notify_next_ns(const struct notify *notify);

#endif

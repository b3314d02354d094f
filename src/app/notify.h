/* notify.h - reports to the service manager, by the datagrams of sd_notify(3). That manual page
 * promises that the protocol is stable, so we send it ourselves. libsystemd would add itself,
 * liblzma, libzstd, liblz4 and libgcrypt to the process for one sendto().
 *
 * Without NOTIFY_SOCKET in the environment, nothing is sent and every call is cheap. If the manager
 * does not read, messages that change its view of the service (READY=1) wait up to a second, and
 * other messages are dropped. Threads: main only. */
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

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, and removes them from the environment, so
 * call it before the first thread. */
void notify_open(struct notify *notify);
void notify_close(struct notify *notify);

/* Sends one datagram of "NAME=value" lines. */
void notify_say(const struct notify *notify, const char *lines);

void notify_reloading(const struct notify *notify, int64_t now_ns);
/* Reports that the service is stopping and will take `longest_ns` at most. */
void notify_stopping(const struct notify *notify, int64_t longest_ns);

/* Sends STATUS= if the text differs from the one that was sent last. If the socket has no room, a
 * later call sends the text. */
void notify_status(struct notify *notify, const char *text);

/* Returns true when it is time to check whether the service is alive. The caller then calls
 * notify_beat() with the result. WATCHDOG=1 is sent twice in WATCHDOG_USEC, but not while the
 * service is not alive. Checks are more frequent than WATCHDOG=1, so that a service that was only
 * slow is not killed. */
bool notify_beat_due(const struct notify *notify, int64_t now_ns) MUST_CHECK;
void notify_beat(struct notify *notify, int64_t now_ns, bool alive);
/* Returns when the next check is due, or CLOCK_NEVER if there is no watchdog. */
int64_t notify_next_ns(const struct notify *notify);

#endif

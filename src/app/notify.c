/* notify.c - see notify.h. */
#include "app/notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"

enum { PATIENCE_S = 1 };

/* NOLINTBEGIN(concurrency-mt-unsafe): runs before the first thread is started */

/* Parses a path, or "@" and the name of an abstract socket. Returns false for anything else. */
static bool read_address(const char *text, struct notify *notify)
{
    size_t len = strlen(text);
    if ((text[0] != '/' && text[0] != '@') || len < 2 || len >= sizeof notify->to.sun_path)
        return false;
    notify->to.sun_family = AF_UNIX;
    memcpy(notify->to.sun_path, text, len + 1);
    /* the length of an abstract name does not count a NUL */
    notify->to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    if (text[0] == '@')
        notify->to.sun_path[0] = '\0';
    else
        notify->to_len++;
    return true;
}

static int64_t read_watchdog_ns(void)
{
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    if (usec == NULL || (pid != NULL && strtol(pid, NULL, 10) != getpid()))
        return 0;
    char *end;
    long long n = strtoll(usec, &end, 10);
    return *end == '\0' && n > 0 && n < INT64_MAX / NS_PER_US ? n * NS_PER_US : 0;
}

void notify_open(struct notify *notify)
{
    *notify = (struct notify){ .fd = -1 };
    const struct timeval patience = { .tv_sec = PATIENCE_S };
    const char *to = getenv("NOTIFY_SOCKET");
    if (to != NULL && read_address(to, notify))
        notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (notify->fd >= 0)
        (void)setsockopt(notify->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (notify->fd >= 0)
        notify->watchdog_ns = read_watchdog_ns();
    (void)unsetenv("NOTIFY_SOCKET");
    (void)unsetenv("WATCHDOG_USEC");
    (void)unsetenv("WATCHDOG_PID");
}

/* NOLINTEND(concurrency-mt-unsafe) */

void notify_close(struct notify *notify)
{
    if (notify->fd >= 0)
        (void)close(notify->fd);
    notify->fd = -1;
}

static bool send_lines(const struct notify *notify, const char *lines, int flags)
{
    return notify->fd >= 0 && sendto(notify->fd, lines, strlen(lines), MSG_NOSIGNAL | flags,
                                     (const struct sockaddr *)&notify->to, notify->to_len) >= 0;
}

void notify_say(const struct notify *notify, const char *lines)
{
    (void)send_lines(notify, lines, 0);
}

void notify_reloading(const struct notify *notify, int64_t now_ns)
{
    char lines[80];
    (void)snprintf(lines, sizeof lines, "RELOADING=1\nMONOTONIC_USEC=%lld",
                   (long long)(now_ns / NS_PER_US));
    notify_say(notify, lines);
}

void notify_stopping(const struct notify *notify, int64_t longest_ns)
{
    char lines[80];
    (void)snprintf(lines, sizeof lines, "STOPPING=1\nEXTEND_TIMEOUT_USEC=%lld",
                   (long long)(longest_ns / NS_PER_US));
    notify_say(notify, lines);
}

void notify_status(struct notify *notify, const char *text)
{
    char line[sizeof notify->status];
    (void)snprintf(line, sizeof line, "STATUS=%s", text);
    for (char *c = line; *c != '\0'; c++)
        if (*c == '\n')
            *c = ' '; /* a newline would begin another assignment */
    if (strcmp(line, notify->status) != 0 && send_lines(notify, line, MSG_DONTWAIT))
        memcpy(notify->status, line, sizeof line);
}

bool notify_beat_due(const struct notify *notify, int64_t now_ns)
{
    return notify->watchdog_ns > 0 && now_ns >= notify->beat_at_ns;
}

void notify_beat(struct notify *notify, int64_t now_ns, bool alive)
{
    if (alive)
        (void)send_lines(notify, "WATCHDOG=1", MSG_DONTWAIT);
    notify->beat_at_ns = clock_after(now_ns, notify->watchdog_ns / (alive ? 2 : 16));
}

int64_t notify_next_ns(const struct notify *notify)
{
    return notify->watchdog_ns > 0 ? notify->beat_at_ns : CLOCK_NEVER;
}

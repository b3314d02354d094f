/* What goes over NOTIFY_SOCKET and when, by a clock that the test moves; and descriptors that are
 * none of ours. */
#include <criterion/criterion.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "app/listen_fds.h"
#include "app/notify.h"
#include "base/check.h"
#include "base/clock.h"

/* A manager's socket under an abstract name, which the kernel chooses; NOTIFY_SOCKET is set. */
static int manager_open(void)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    socklen_t len = sizeof at;
    char name[120];
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CHECK(fd >= 0 && bind(fd, (const struct sockaddr *)&at, sizeof at.sun_family) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&at, &len) == 0);
    int n = (int)(len - offsetof(struct sockaddr_un, sun_path)) - 1;
    (void)snprintf(name, sizeof name, "@%.*s", n, at.sun_path + 1);
    CHECK(setenv("NOTIFY_SOCKET", name, 1) == 0);
    return fd;
}

static const char *heard(int fd)
{
    static char text[512];
    ssize_t n = recv(fd, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

Test(notify, nobody_listens)
{
    struct notify notify;
    static const char *const names[] = { NULL, "", "@", "relative", "vsock:2:1234" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i] != NULL)
            CHECK(setenv("NOTIFY_SOCKET", names[i], 1) == 0);
        CHECK(setenv("WATCHDOG_USEC", "1000000", 1) == 0);
        notify_open(&notify);
        cr_expect_lt(notify.fd, 0);
        cr_expect_not(notify_beat_due(&notify, CLOCK_NEVER));
        cr_expect_eq(notify_next_ns(&notify), CLOCK_NEVER);
        notify_say(&notify, "READY=1");
        notify_close(&notify);
    }
}

Test(notify, an_abstract_name_and_a_status_that_changes)
{
    struct notify notify;
    int fd = manager_open();
    notify_open(&notify);
    cr_expect_null(getenv("NOTIFY_SOCKET"), "taken out");
    notify_say(&notify, "READY=1");
    cr_expect_str_eq(heard(fd), "READY=1");
    notify_status(&notify, "ready");
    cr_expect_str_eq(heard(fd), "STATUS=ready");
    notify_status(&notify, "ready");
    cr_expect_str_eq(heard(fd), "", "said once");
    notify_status(&notify, "broken\nREADY=1");
    cr_expect_str_eq(heard(fd), "STATUS=broken READY=1", "one line");
    notify_reloading(&notify, 5 * NS_PER_S);
    cr_expect_str_eq(heard(fd), "RELOADING=1\nMONOTONIC_USEC=5000000");
    notify_stopping(&notify, 35 * NS_PER_S);
    cr_expect_str_eq(heard(fd), "STOPPING=1\nEXTEND_TIMEOUT_USEC=35000000");
    notify_close(&notify);
    close(fd);
}

Test(notify, the_watchdog_is_fed_while_the_heart_beats)
{
    struct notify notify;
    int fd = manager_open();
    CHECK(setenv("WATCHDOG_USEC", "8000000", 1) == 0);
    notify_open(&notify);
    int64_t now_ns = 100 * NS_PER_S;
    cr_expect(notify_beat_due(&notify, now_ns));
    notify_beat(&notify, now_ns, true);
    cr_expect_str_eq(heard(fd), "WATCHDOG=1");
    cr_expect_eq(notify_next_ns(&notify), now_ns + 4 * NS_PER_S, "half of it");
    cr_expect_not(notify_beat_due(&notify, now_ns + 4 * NS_PER_S - 1));
    now_ns += 4 * NS_PER_S;
    cr_expect(notify_beat_due(&notify, now_ns));
    notify_beat(&notify, now_ns, false);
    cr_expect_str_eq(heard(fd), "", "not fed");
    cr_expect_lt(notify_next_ns(&notify), now_ns + NS_PER_S, "looked at again soon");
    notify_beat(&notify, notify_next_ns(&notify), true);
    cr_expect_str_eq(heard(fd), "WATCHDOG=1", "fed as soon as it beats");
    notify_close(&notify);
    close(fd);
}

Test(notify, a_watchdog_of_another_process_is_not_ours)
{
    struct notify notify;
    int fd = manager_open();
    CHECK(setenv("WATCHDOG_USEC", "8000000", 1) == 0 && setenv("WATCHDOG_PID", "1", 1) == 0);
    notify_open(&notify);
    cr_expect_not(notify_beat_due(&notify, CLOCK_NEVER));
    notify_close(&notify);
    close(fd);
}

static bool take(const char *pid, const char *fds, struct err *err)
{
    struct listen_fds out;
    CHECK(setenv("LISTEN_PID", pid, 1) == 0 && setenv("LISTEN_FDS", fds, 1) == 0);
    bool taken = listen_fds_take(&out, err);
    cr_expect_lt(out.fd, 0);
    return taken;
}

Test(listen_fds, of_another_process_none_and_more_than_one)
{
    struct err err = { 0 };
    char own[24];
    (void)snprintf(own, sizeof own, "%d", (int)getpid());
    cr_expect(take("1", "7", &err), "not meant for us");
    cr_expect(take(own, "0", &err));
    cr_expect_not(take(own, "2", &err));
    cr_expect_not_null(strstr(err.text, "LISTEN_FDS=2: one listening socket"), "%s", err.text);
    cr_expect_not(take(own, "x", &err));
}

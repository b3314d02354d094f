/* The program has no file descriptor left, and still serves new connections. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/check.h"
#include "service_rig.h"

enum {
    NEWCOMERS = 20
}; /* more than the descriptors that dials of the database have for a moment */

static int count_descriptors(pid_t pid)
{
    char *path = support_text("/proc/%d/fd", (int)pid);
    DIR *folder = opendir(path);
    CHECK(folder != NULL);
    int n = -2; /* . and .. */
    while (readdir(folder) != NULL)
        n++;
    (void)closedir(folder);
    free(path);
    return n;
}

static void expect_answer(int fd)
{
    char head[RIG_HEAD_SIZE];
    rig_send(fd, "GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n");
    rig_read_head(fd, head);
    cr_expect_not_null(strstr(head, "HTTP/1.1 200 "), "%s", head);
}

/* libmicrohttpd accepts nothing then until one of its connections has closed, and nothing by itself
 * when it has none any more. */
Test(descriptors, an_idle_connection_gives_way_to_a_new_one, .timeout = TEST_S)
{
    struct rig rig = { .daemon = daemon_spawn(LIST("DATABASE_URL=host=/nowhere"), NULL) };
    int fds[NEWCOMERS + 1];
    cr_assert(daemon_wait_status(rig.daemon, "/health/live", 200, SOON_S));
    fds[NEWCOMERS] = rig_dial(&rig);
    expect_answer(fds[NEWCOMERS]);
    pid_t pid = daemon_pid(rig.daemon);
    struct rlimit limit;
    cr_assert_eq(prlimit(pid, RLIMIT_NOFILE, NULL, &limit), 0);
    limit.rlim_cur = (rlim_t)count_descriptors(pid);
    cr_assert_eq(prlimit(pid, RLIMIT_NOFILE, &limit, NULL), 0);
    for (int i = 0; i < NEWCOMERS; i++) {
        fds[i] = rig_dial(&rig);
        expect_answer(fds[i]);
    }
    for (int i = 0; i <= NEWCOMERS; i++)
        close(fds[i]);
    int last = rig_dial(&rig);
    expect_answer(last);
    close(last);
    daemon_close(&rig.daemon);
}

/* promtool.h - lets Prometheus' own tool judge the text of /metrics. */
#ifndef PROMTOOL_H
#define PROMTOOL_H

#include <criterion/criterion.h>
#include <sys/mman.h>

#include "service_rig.h"
#include "support/process.h"

#define SKIP_WITHOUT_PROMTOOL()                                                                    \
    do {                                                                                           \
        if (access("/usr/bin/promtool", X_OK) != 0)                                                \
            cr_skip("promtool (package prometheus) is not installed: the format of /metrics is "   \
                    "not checked");                                                                \
    } while (0)

static inline void expect_promtool_content(const char *text)
{
    int in = memfd_create("scrape", MFD_CLOEXEC), out = memfd_create("complaints", MFD_CLOEXEC);
    cr_assert_eq(write(in, text, strlen(text)), (ssize_t)strlen(text));
    cr_assert_eq(lseek(in, 0, SEEK_SET), 0);
    const struct process promtool = { .argv = LIST("/usr/bin/promtool", "check", "metrics"),
                                      .env = LIST("PATH=/usr/bin"),
                                      .in_fd = in,
                                      .out_fd = out };
    int status = process_wait(process_spawn(&promtool), SOON_S);
    char *complaints = support_read_fd(out);
    cr_expect_eq(status, 0);
    cr_expect_str_eq(complaints, "");
    free(complaints);
    close(in);
    close(out);
}

#endif

/* hide_report.h - for tests of which a CHECK ends the process on purpose (.signal = SIGABRT). */
#ifndef SUPPORT_HIDE_REPORT_H
#define SUPPORT_HIDE_REPORT_H

#include <criterion/criterion.h>
#include <stdio.h>

/* Hides the report that the CHECK writes to stderr: CTest would take it for a failure. */
static inline void hide_report(void)
{
    cr_assert_not_null(freopen("/dev/null", "w", stderr));
}

#endif

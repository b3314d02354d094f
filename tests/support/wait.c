/* wait.c - see wait.h. */
#include "support/wait.h"

#include <time.h>

#include "base/clock.h"

enum { PAUSE_MS = 5 };

int64_t wait_end_at_ns(double seconds)
{
    return clock_after(clock_now_ns(), (int64_t)(seconds * (double)NS_PER_S));
}

bool wait_more(int64_t end_at_ns)
{
    if (clock_now_ns() >= end_at_ns)
        return false;
    const struct timespec pause = { .tv_nsec = PAUSE_MS * NS_PER_MS };
    (void)nanosleep(&pause, NULL); /* a signal shortens it, which does no harm */
    return true;
}

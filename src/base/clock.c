/* clock.c - see clock.h. */
#include "base/clock.h"

#include <limits.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec ts;
    (void)clock_gettime(id, &ts); /* cannot fail for these clocks */
    return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

int64_t clock_now_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t clock_thread_ns(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

int64_t clock_coarse_ns(void)
{
    return read_clock(CLOCK_MONOTONIC_COARSE);
}

int64_t clock_wall_us(void)
{
    return read_clock(CLOCK_REALTIME) / NS_PER_US;
}

struct timespec clock_timespec(int64_t at_ns)
{
    return (struct timespec){ .tv_sec = at_ns / NS_PER_S, .tv_nsec = at_ns % NS_PER_S };
}

int clock_poll_ms(int64_t at_ns, int64_t now_ns)
{
    if (at_ns == CLOCK_NEVER)
        return -1;
    if (at_ns <= now_ns)
        return 0;
    int64_t left_ns = at_ns - now_ns;
    int64_t ms = left_ns / NS_PER_MS + (left_ns % NS_PER_MS != 0);
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

int64_t clock_after(int64_t now_ns, int64_t span_ns)
{
    return span_ns >= CLOCK_NEVER - now_ns ? CLOCK_NEVER : now_ns + span_ns;
}

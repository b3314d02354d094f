/* clock.h - the only place that reads a clock.
 *
 * Threads    any
 * Units      *_at_ns: a moment on CLOCK_MONOTONIC; *_ns: a span; both are int64_t nanoseconds.
 *            *_us: microseconds of Unix time, which are shown or stored but never waited for. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_US INT64_C(1000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)
#define CLOCK_NEVER INT64_MAX /* a deadline that is never reached */

int64_t clock_now_ns(void);
int64_t clock_wall_us(void);

/* Processor time of the calling thread. Only the difference of two values has a meaning. */
int64_t clock_thread_ns(void);

/* The value of clock_now_ns() at the last timer tick, 1 to 10 ms ago, for a quarter of the cost.
 * Compare it only with much longer spans. */
int64_t clock_coarse_ns(void);

/* Converts a moment for pthread and libc functions. */
struct timespec clock_timespec(int64_t at_ns);

/* Milliseconds until at_ns, for poll(2) and epoll_wait(2). The result is rounded up, so that a wait
 * never ends before its deadline. It is 0 for a moment in the past and -1 for CLOCK_NEVER. */
int clock_poll_ms(int64_t at_ns, int64_t now_ns);

/* Returns now + span, or CLOCK_NEVER if the sum would overflow. */
int64_t clock_after(int64_t now_ns, int64_t span_ns);

static inline int64_t clock_min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

#endif

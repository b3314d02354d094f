/* clock.h - reads the clocks; no other file does.
 *
 * Threads    any
 * Units      *_at_ns: a moment on CLOCK_MONOTONIC; *_ns: a span; both are int64_t nanoseconds.
 *            *_us: microseconds of Unix time, to be shown or stored. No wait uses Unix time. */
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

/* Returns CLOCK_MONOTONIC as of the kernel's last timer tick, so the value may be up to 10 ms old.
 * The call costs a quarter of clock_now_ns(). Use the value only to measure spans much longer than
 * 10 ms. */
int64_t clock_coarse_ns(void);

/* Converts a moment to the struct that pthread and libc functions take. */
struct timespec clock_timespec(int64_t at_ns);

/* Returns the milliseconds until at_ns, for poll(2) and epoll_wait(2), rounded up, so that a wait
 * never ends before its deadline. Returns 0 for a past moment, and -1 for CLOCK_NEVER. */
int clock_poll_ms(int64_t at_ns, int64_t now_ns);

/* Returns now + span, or CLOCK_NEVER if the sum would overflow. */
int64_t clock_after(int64_t now_ns, int64_t span_ns);

static inline int64_t clock_min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

#endif

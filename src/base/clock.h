/* clock.h - the only place that reads a clock. Time is int64_t nanoseconds on CLOCK_MONOTONIC
 * (`*_at_ns`: a moment; `*_ns`: a span); wall time is microseconds of Unix time (`*_us`) and is
 * only ever shown or stored, never waited on. Any thread. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_US INT64_C(1000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)
#define CLOCK_NEVER INT64_MAX /* a deadline that does not come */

int64_t clock_now_ns(void);
int64_t clock_wall_us(void);

/* Processor time of the calling thread, for spans only. */
int64_t clock_thread_ns(void);

/* The value that clock_now_ns() had at the last timer tick, 1..10 ms ago, for a quarter of the
 * cost. Only for comparisons with much longer spans. */
int64_t clock_coarse_ns(void);

/* The moment as pthread and libc want it. */
struct timespec clock_timespec(int64_t at_ns);

/* Milliseconds until at_ns as poll(2) and epoll_wait(2) want them: rounded up, so that a wait never
 * ends just before its deadline; 0 when past, -1 for CLOCK_NEVER. */
int clock_poll_ms(int64_t at_ns, int64_t now_ns);

/* now + span without overflow: saturates at CLOCK_NEVER. */
int64_t clock_after(int64_t now_ns, int64_t span_ns);

static inline int64_t clock_min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

#endif

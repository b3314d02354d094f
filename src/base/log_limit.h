/* log_limit.h - limits the log lines per second for each event name, so that a fault that repeats
 * ten thousand times a second neither fills a disk nor hides other events. The caller passes the
 * time. Any thread. */
#ifndef BASE_LOG_LIMIT_H
#define BASE_LOG_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/sync.h"

enum { LOG_LIMIT_LINES = 20, LOG_LIMIT_EVENTS = 128 };

struct log_limit_slot {
    const char *event; /* borrowed, a constant; NULL: the slot is free */
    int64_t began_at_ns;
    uint32_t lines; /* lines in the second that began at began_at_ns */
    uint64_t suppressed;
};

struct log_limit {
    struct mutex mu;
    struct log_limit_slot slot[LOG_LIMIT_EVENTS] GUARDED_VAR;
};

#define LOG_LIMIT_INIT                                                                             \
    {                                                                                              \
        .mu = {.raw = PTHREAD_MUTEX_INITIALIZER }                                                  \
    }

/* Returns true if a line of this event may be written now. *suppressed is then the number of lines
 * left out since the last line of this event. Each of the first LOG_LIMIT_EVENTS - 1 names has a
 * limit of its own; all other names share one limit. Locks: takes limit->mu. */
bool log_limit_pass(struct log_limit *limit, const char *event, int64_t now_ns,
                    uint64_t *suppressed) MUST_CHECK;

#endif

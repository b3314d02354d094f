/* wait.h - WAIT_UNTIL: tests wait for a condition, never for a fixed time.
 *
 *     cr_assert(WAIT_UNTIL(pool_idle(pool) == 3, 5));
 *
 * It evaluates the condition every few milliseconds until it holds or the seconds are over, and
 * returns whether it held. Only a broken program waits that long, so choose a generous limit. */
#ifndef SUPPORT_WAIT_H
#define SUPPORT_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

#define WAIT_UNTIL(cond, seconds)                                                                  \
    __extension__({                                                                                \
        int64_t wait_end_at_ns_ = wait_end_at_ns(seconds);                                         \
        bool wait_met_;                                                                            \
        while (!(wait_met_ = (cond)) && wait_more(wait_end_at_ns_))                                \
            continue;                                                                              \
        wait_met_;                                                                                 \
    })

int64_t wait_end_at_ns(double seconds);

/* Pauses for a moment. Returns false if the end has come. */
bool wait_more(int64_t end_at_ns);

#endif

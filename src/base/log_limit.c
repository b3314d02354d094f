/* log_limit.c - see log_limit.h. */
#include "base/log_limit.h"

#include <string.h>

#include "base/clock.h"

static struct log_limit_slot *find_slot(struct log_limit *limit, const char *event)
    REQUIRES(limit->mu)
{
    struct log_limit_slot *slot = limit->slot;
    struct log_limit_slot *last = slot + LOG_LIMIT_EVENTS - 1;
    while (slot < last && slot->event != NULL && strcmp(slot->event, event) != 0)
        slot++;
    if (slot->event == NULL)
        slot->event = event;
    return slot;
}

bool log_limit_pass(struct log_limit *limit, const char *event, int64_t now_ns,
                    uint64_t *suppressed)
{
    mutex_lock(&limit->mu);
    struct log_limit_slot *slot = find_slot(limit, event);
    if (slot->lines == 0 || now_ns - slot->began_at_ns >= NS_PER_S) {
        slot->began_at_ns = now_ns;
        slot->lines = 0;
    }
    bool pass = slot->lines < LOG_LIMIT_LINES;
    if (pass) {
        slot->lines++;
        *suppressed = slot->suppressed;
        slot->suppressed = 0;
    } else {
        slot->suppressed++;
    }
    mutex_unlock(&limit->mu);
    return pass;
}

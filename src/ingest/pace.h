/* pace.h - when the next group begins while others are in flight.
 *
 * A group begins at once if none is in flight. Otherwise new orders wait until
 *
 *     orders that the group would have x ratio  >=  orders in flight
 *
 * or until no group is in flight. So up to ratio + 1 groups of equal size are in flight. The
 * rule makes groups equal: if each free worker took what is there, one group would have nearly all
 * orders and the others one each.
 *
 * Which ratio is best depends on what a commit costs. If it needs a processor, few large groups are
 * best: each group costs the database about as much as ten orders. If it waits for a disk, a
 * network or a standby, many small groups are best. So the ratio follows what is measured (hill
 * climbing): the present ratio and its half or double alternate for short windows, and the better
 * one stays; of 0 and 1, 0 is favoured. Better is what raises the score 8 x log(orders/s) -
 * log(time of an order in the ingest). If all clients wait for their answers, the score depends
 * mostly on the rate. If orders come at a fixed rate, which no ratio changes, the score depends on
 * the time alone. Of the time of an order, at most twice the duration of its group counts. The rest
 * is the time that the order waits behind others of its own client, because clients have turns
 * (turns.h). After two trials without success there is a pause, which grows up to PACE_PAUSE_MAX
 * windows. The pause ends early if the rate or the time changes by more than 40 %. If the ratio is
 * then below the first ratio, the climb begins at the first ratio again.
 *
 * All functions depend on their arguments alone: no clock, no lock, no memory.
 *
 * Threads    one at a time: the caller holds the lock of the queue. */
#ifndef INGEST_PACE_H
#define INGEST_PACE_H

#include <stdbool.h>
#include <stdint.h>

enum { PACE_PAUSE_MIN = 4, PACE_PAUSE_MAX = 64, PACE_PAIRS_MAX = 8 };

/* OWN: no trial runs, and the own ratio is used. TRIAL_OTHER: a trial runs, and the other ratio is
 * used. TRIAL_OWN: a trial runs, and the own ratio is used. */
enum pace_phase { PACE_OWN, PACE_TRIAL_OTHER, PACE_TRIAL_OWN };

/* A group that has ended. */
struct pace_sample {
    int64_t now_ns, took_ns;
    uint32_t orders; /* orders of the group that have a verdict */
    uint64_t age_ns; /* sum over these orders: the time since their receipt */
    bool waiting;    /* new orders wait */
};

/* What has happened since `begun_at_ns`. */
struct pace_window {
    int64_t not_before_ns; /* earlier groups began with the ratio before */
    int64_t begun_at_ns;   /* the end of a group; 0: not begun */
    uint64_t orders, groups, groups_waiting;
    double age_ns;
};

struct pace {
    uint32_t ratio_max;
    uint32_t own, other; /* ratios */
    enum pace_phase phase;
    bool upwards;     /* the next trial is of a larger ratio */
    bool failed_once; /* the trial in the other direction failed */
    struct pace_window window;
    int64_t group_ns; /* moving average of the duration of a group */

    double own_score, other_score; /* of the last windows */
    uint32_t pairs;                /* compared in this trial */
    double sum;                    /* of their differences */
    double noise;                  /* variance of a score, a moving average */

    uint32_t pause, pause_next;    /* windows until the next trial; length of the next pause */
    uint32_t usual_windows;        /* windows that usual_rate and usual_time are averages of */
    double usual_rate, usual_time; /* logarithms, with the own ratio */
    uint32_t unusual;              /* windows in a row that differ from them */
};

void pace_init(struct pace *pace, uint32_t workers);

/* Returns true if a group of so many orders, at least 1, may begin now, while `in_flight` orders
 * are in flight. */
bool pace_may_begin(const struct pace *pace, uint32_t orders, uint32_t in_flight);

/* Returns how many groups of equal size may be in flight now. */
uint32_t pace_groups(const struct pace *pace);

/* Takes note of a group that has ended, and may change the ratio. */
void pace_note(struct pace *pace, const struct pace_sample *sample);

#endif

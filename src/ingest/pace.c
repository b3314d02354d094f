/* pace.c - see pace.h. docs/DESIGN.md has the figures and what else was tried. */
#include "ingest/pace.h"

#include <math.h>

#include "base/clock.h"

enum {
    RATIO_FIRST = 2,     /* good everywhere, best nowhere */
    GROUP_WEIGHT = 8,    /* the newest group counts for an eighth of the average */
    AGE_GROUPS = 2,      /* of an order's time, this many durations of its group count at most */
    WINDOW_GROUPS = 3,   /* a window is as long as three groups one after the other */
    RATE_WEIGHT = 8,     /* of the score */
    NOISE_WEIGHT = 8,    /* the newest window counts for an eighth of the noise */
    USUAL_MIN = 4,       /* windows that show what is usual */
    USUAL_WEIGHT = 16,   /* then the newest window counts for a sixteenth */
    UNUSUAL_WINDOWS = 4, /* so many in a row end a pause */
    PAIRS_MIN = 2,       /* before another ratio is taken, so that not one window alone decides */
};

static const int64_t window_min_ns = 10 * NS_PER_MS;
static const double clear = 0.15;    /* of the score: 2 % of the rate, or 14 % of the time */
static const double bound = 0.5;     /* a larger difference of scores counts as this one */
static const double certainty = 1.5; /* standard errors */
static const double usual = 0.34;    /* of a logarithm: 40 % */
/* By how much the score of the ratio 1 must exceed that of 0. A second group costs the database
 * processor time. And a short window shows less than what the ratio 0 is worth: the rate goes on
 * rising for some time after the second group has ended. */
static const double second_group = 0.3;

/* Makes the ratio RATIO_FIRST, or the largest if that is less, unless it is larger already. */
static void raise_to_first(struct pace *pace)
{
    const uint32_t first = pace->ratio_max < RATIO_FIRST ? pace->ratio_max : RATIO_FIRST;
    if (pace->own < first)
        pace->own = first;
}

void pace_init(struct pace *pace, uint32_t workers)
{
    *pace = (struct pace){
        .ratio_max = workers - 1,
        .upwards = true,
        .pause_next = PACE_PAUSE_MIN,
    };
    raise_to_first(pace);
}

static uint32_t ratio_of(const struct pace *pace)
{
    return pace->phase == PACE_TRIAL_OTHER ? pace->other : pace->own;
}

bool pace_may_begin(const struct pace *pace, uint32_t orders, uint32_t in_flight)
{
    return (uint64_t)orders * ratio_of(pace) >= in_flight;
}

uint32_t pace_groups(const struct pace *pace)
{
    return ratio_of(pace) + 1;
}

/* ---- windows ---- */

/* Begins a window in this phase. If the ratio changes, the window does not count the groups that
 * are in flight now, because they began with the ratio before. */
static void begin_window(struct pace *pace, enum pace_phase phase, int64_t now_ns)
{
    const uint32_t before = ratio_of(pace);
    pace->phase = phase;
    pace->window = (struct pace_window){ .begun_at_ns = now_ns };
    if (ratio_of(pace) != before)
        pace->window = (struct pace_window){ .not_before_ns = now_ns + pace->group_ns * 3 / 2 };
}

/* Adds a group to the window. Returns true if the window is over. A window begins and ends at the
 * end of a group, so that it has whole groups only. */
static bool add(struct pace *pace, const struct pace_sample *sample)
{
    struct pace_window *window = &pace->window;
    if (sample->now_ns < window->not_before_ns)
        return false;
    if (window->begun_at_ns == 0) {
        window->begun_at_ns = sample->now_ns;
        return false;
    }
    window->orders += sample->orders;
    const double most_ns = AGE_GROUPS * (double)sample->took_ns * sample->orders;
    window->age_ns += fmin((double)sample->age_ns, most_ns);
    window->groups++;
    window->groups_waiting += sample->waiting;
    int64_t length_ns = pace->group_ns * WINDOW_GROUPS;
    if (length_ns < window_min_ns)
        length_ns = window_min_ns;
    return sample->now_ns - window->begun_at_ns >= length_ns && window->orders > 0;
}

static double rate_of(const struct pace_window *window, int64_t now_ns)
{
    return log((double)window->orders / (double)(now_ns - window->begun_at_ns));
}

static double time_of(const struct pace_window *window)
{
    return log((window->age_ns + 1) / (double)window->orders);
}

/* Returns true if new orders were waiting at the end of at least a quarter of the groups. Only then
 * can a larger ratio help. */
static bool is_limited(const struct pace_window *window)
{
    return window->groups_waiting * 4 >= window->groups;
}

/* ---- trials ---- */

static bool choose_other(struct pace *pace, bool upwards, bool limited)
{
    pace->upwards = upwards;
    if (upwards ? pace->own >= pace->ratio_max || !limited : pace->own == 0)
        return false;
    uint32_t half = 0;
    for (uint32_t power = 1; power < pace->own; power *= 2)
        half = power;
    const uint32_t twice = pace->own > 0 ? 2 * pace->own : 1;
    pace->other = !upwards ? half : twice < pace->ratio_max ? twice : pace->ratio_max;
    return true;
}

static void begin_trial(struct pace *pace, double score, bool limited, int64_t now_ns)
{
    if (!choose_other(pace, pace->upwards, limited) &&
        !choose_other(pace, !pace->upwards, limited)) {
        pace->pause = pace->pause_next;
        begin_window(pace, PACE_OWN, now_ns);
        return;
    }
    pace->own_score = score;
    pace->pairs = 0;
    pace->sum = 0;
    begin_window(pace, PACE_TRIAL_OTHER, now_ns);
}

static void end_trial(struct pace *pace, bool success, int64_t now_ns)
{
    if (success) {
        pace->own = pace->other;
        pace->usual_windows = 0;
        pace->pause_next = PACE_PAUSE_MIN;
        pace->failed_once = false;
    } else {
        pace->upwards = !pace->upwards;
        pace->pause = pace->failed_once ? pace->pause_next : 0;
        if (pace->failed_once && pace->pause_next < PACE_PAUSE_MAX)
            pace->pause_next *= 2;
        pace->failed_once = !pace->failed_once;
    }
    begin_window(pace, PACE_OWN, now_ns);
}

/* Limits a difference of scores, so that one standstill of the machine counts no more than one
 * good window. */
static double bounded(double difference)
{
    return fmax(-bound, fmin(bound, difference));
}

/* Takes note of how much the scores of two windows of one ratio differ by chance. */
static void note_noise(struct pace *pace, double score)
{
    const double change = bounded(score - pace->own_score);
    pace->noise += (change * change / 2 - pace->noise) / NOISE_WEIGHT;
}

/* Returns by how much the other ratio is favoured. */
static double favour(const struct pace *pace)
{
    if (pace->own == 0)
        return -second_group;
    return pace->other == 0 ? second_group : 0;
}

/* Compares the score of a window with the other ratio to the mean of the scores of two windows with
 * the own ratio, one before and one after it. So a load that rises or falls favours neither ratio.
 * Two successive comparisons share a window of the own ratio. So the mean of n differences has
 * (2 - 0.5 / n) / n of the variance of a score. */
static void compare(struct pace *pace, double score, int64_t now_ns)
{
    note_noise(pace, score);
    pace->sum += bounded(pace->other_score - (pace->own_score + score) / 2) + favour(pace);
    pace->own_score = score;
    pace->pairs++;
    const double mean = pace->sum / pace->pairs;
    const double error = sqrt((2 - 0.5 / pace->pairs) * pace->noise / pace->pairs);
    const bool decided = fabs(mean) > clear && fabs(mean) > certainty * error;
    const bool better = decided && mean > 0 && pace->pairs >= PAIRS_MIN;
    if (better || (decided && mean < 0) || pace->pairs == PACE_PAIRS_MAX)
        end_trial(pace, better, now_ns);
    else
        begin_window(pace, PACE_TRIAL_OTHER, now_ns);
}

/* Adds a window with the own ratio to the averages of what is usual. */
static void note_usual(struct pace *pace, double rate, double time)
{
    if (pace->usual_windows < USUAL_WEIGHT)
        pace->usual_windows++;
    pace->usual_rate += (rate - pace->usual_rate) / pace->usual_windows;
    pace->usual_time += (time - pace->usual_time) / pace->usual_windows;
}

static bool is_usual(const struct pace *pace, double rate, double time)
{
    return pace->usual_windows < USUAL_MIN ||
           (fabs(rate - pace->usual_rate) < usual && fabs(time - pace->usual_time) < usual);
}

/* Returns true if the next trial is due: the pause has passed, or rate or time have changed. */
static bool trial_is_due(struct pace *pace, double rate, double time)
{
    pace->unusual = is_usual(pace, rate, time) ? 0 : pace->unusual + 1;
    if (pace->unusual >= UNUSUAL_WINDOWS) {
        pace->unusual = 0;
        pace->usual_windows = 0;
        raise_to_first(pace);
        pace->pause_next = PACE_PAUSE_MIN;
        pace->pause = 0;
    }
    note_usual(pace, rate, time);
    return pace->pause == 0 || --pace->pause == 0;
}

void pace_note(struct pace *pace, const struct pace_sample *sample)
{
    pace->group_ns = pace->group_ns == 0
                         ? sample->took_ns
                         : pace->group_ns + (sample->took_ns - pace->group_ns) / GROUP_WEIGHT;
    if (!add(pace, sample))
        return;
    const double rate = rate_of(&pace->window, sample->now_ns), time = time_of(&pace->window);
    const double score = RATE_WEIGHT * rate - time;
    switch (pace->phase) {
    case PACE_OWN:
        if (trial_is_due(pace, rate, time))
            begin_trial(pace, score, is_limited(&pace->window), sample->now_ns);
        else
            begin_window(pace, PACE_OWN, sample->now_ns);
        break;
    case PACE_TRIAL_OTHER:
        pace->other_score = score;
        begin_window(pace, PACE_TRIAL_OWN, sample->now_ns);
        break;
    case PACE_TRIAL_OWN:
        note_usual(pace, rate, time);
        compare(pace, score, sample->now_ns);
        break;
    }
}

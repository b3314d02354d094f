/* The pace: when the next group may begin, and that it comes close to the best fixed number of
 * groups in flight, whatever commits cost. Virtual clock, seeds. */
#include <criterion/criterion.h>

#include "base/clock.h"
#include "unit/commit_world.h"

Test(ingest_pace, begins_at_once_with_nothing_in_flight)
{
    for (uint32_t workers = 1; workers <= 256; workers *= 2) {
        struct pace pace;
        pace_init(&pace, workers);
        cr_expect(pace_may_begin(&pace, 1, 0), "%u workers", workers);
        cr_expect_leq(pace_groups(&pace), workers);
    }
}

Test(ingest_pace, one_worker_has_one_group)
{
    struct pace pace;
    pace_init(&pace, 1);
    cr_expect_eq(pace_groups(&pace), 1);
    cr_expect_not(pace_may_begin(&pace, UINT32_MAX, 1));
}

/* Groups of equal size: the last of pace_groups() may begin, and no more. */
Test(ingest_pace, so_many_equal_groups_may_be_in_flight)
{
    for (uint32_t ratio = 0; ratio < 16; ratio++) {
        const struct pace pace = { .own = ratio };
        cr_expect_eq(pace_groups(&pace), ratio + 1);
        cr_expect(pace_may_begin(&pace, 10, 10 * ratio));
        cr_expect_not(pace_may_begin(&pace, 10, 10 * ratio + 1));
    }
}

/* ---- against the best fixed number ---- */

static const uint32_t clients[] = { 1, 4, 16, 64, 256, 1000 };
static const uint32_t numbers[] = { 1, 2, 4, 8, 16 };
enum { CLIENTS = sizeof clients / sizeof *clients, NUMBERS = sizeof numbers / sizeof *numbers };

static struct world world;

static double best_fixed(uint32_t n_clients, double commit_us)
{
    double best = 0;
    for (size_t i = 0; i < NUMBERS; i++) {
        world_open(&world, n_clients, commit_us, 1);
        world.fixed = numbers[i];
        (void)world_run(&world, 0.2);
        best = fmax(best, world_run(&world, 0.8));
    }
    return best;
}

struct result {
    double mean, worst; /* of the ratios to the best fixed number; the mean is geometric */
};

static struct result compare(double commit_us, uint64_t seed, enum world_plant plant)
{
    struct result result = { 0, INFINITY };
    for (size_t c = 0; c < CLIENTS; c++) {
        world_open(&world, clients[c], commit_us, seed);
        world.plant = plant;
        (void)world_run(&world, 1);
        double ratio = world_run(&world, 2) / best_fixed(clients[c], commit_us);
        result.mean += log(ratio) / CLIENTS;
        result.worst = fmin(result.worst, ratio);
    }
    result.mean = exp(result.mean);
    return result;
}

static const double commits_us[] = { 0, 1000, 5000 };

/* If commits wait, equal groups are better than any fixed number. */
static const double least_mean[] = { 1.0, 1.05, 1.02 }, least = 0.9;

Test(ingest_pace, comes_close_to_the_best_fixed_number, .timeout = 300)
{
    for (size_t i = 0; i < 3; i++) {
        for (uint64_t seed = 1; seed <= 5; seed++) {
            struct result result = compare(commits_us[i], seed, PLANT_NONE);
            cr_expect_geq(result.mean, least_mean[i], "commit %g us, seed %llu: %g", commits_us[i],
                          (unsigned long long)seed, result.mean);
            cr_expect_geq(result.worst, least, "commit %g us, seed %llu: %g", commits_us[i],
                          (unsigned long long)seed, result.worst);
        }
    }
}

Test(ingest_pace, a_planted_mistake_is_found, .timeout = 300)
{
    for (enum world_plant plant = PLANT_DEAF; plant <= PLANT_COUNTS_GROUPS; plant++) {
        bool found = false;
        for (size_t i = 0; i < 3; i++) {
            struct result result = compare(commits_us[i], 1, plant);
            found |= result.mean < least_mean[i] || result.worst < least;
        }
        cr_expect(found, "plant %d", (int)plant);
    }
}

Test(ingest_pace, follows_a_change_within_a_second, .timeout = 300)
{
    for (size_t c = 2; c < CLIENTS; c++) {
        const double slow = best_fixed(clients[c], 5000), fast = best_fixed(clients[c], 0);
        for (uint64_t seed = 1; seed <= 5; seed++) {
            world_open(&world, clients[c], 0, seed);
            (void)world_run(&world, 2);
            world.commit_us = 5000;
            (void)world_run(&world, 1);
            double rate = world_run(&world, 1);
            cr_expect_geq(rate, 0.8 * slow, "%u clients, seed %llu: %g of %g", clients[c],
                          (unsigned long long)seed, rate, slow);
            world.commit_us = 0;
            (void)world_run(&world, 1);
            rate = world_run(&world, 1);
            cr_expect_geq(rate, 0.8 * fast, "%u clients, seed %llu: %g of %g", clients[c],
                          (unsigned long long)seed, rate, fast);
        }
    }
}

/* A group of ten orders has ended, one millisecond after the one before. */
static void note(struct pace *pace, int64_t *now_ns, uint64_t age_ns)
{
    *now_ns += 1000000;
    pace_note(pace, &(struct pace_sample){ .now_ns = *now_ns,
                                           .took_ns = 1000000,
                                           .orders = 10,
                                           .age_ns = age_ns,
                                           .waiting = true });
}

Test(ingest_pace, a_change_ends_the_pause)
{
    struct pace pace;
    int64_t now_ns = 1;
    pace_init(&pace, WORLD_GROUPS);
    while (pace.pause < PACE_PAUSE_MAX)
        note(&pace, &now_ns, 1000);
    for (int i = 0; i < 15; i++) /* more than a window, which is the usual one */
        note(&pace, &now_ns, 1000);
    for (int i = 0; i < 40 && pace.phase == PACE_OWN; i++)
        note(&pace, &now_ns, 2000);
    cr_expect_eq(pace.phase, PACE_TRIAL_OTHER);
}

/* Full groups of a long queue need only processors: with each group more in flight, all take
 * longer, and the rate stays. Their orders have waited long, but with one group in flight another
 * client's order would wait least. */
Test(ingest_pace, a_long_queue_has_as_few_groups_in_flight_as_its_rate_needs)
{
    enum { GROUP = 500 };
    struct pace pace;
    int64_t now_ns = 1;
    pace_init(&pace, WORLD_GROUPS);
    for (int i = 0; i < 200; i++) {
        now_ns += 5 * NS_PER_MS;
        pace_note(&pace, &(struct pace_sample){ .now_ns = now_ns,
                                                .took_ns = pace_groups(&pace) * 5 * NS_PER_MS,
                                                .orders = GROUP,
                                                .age_ns = GROUP * UINT64_C(200) * NS_PER_MS,
                                                .waiting = true });
    }
    cr_expect_eq(pace.own, 0, "%u", pace.own);
}

/* Trials become rare, and hardly one succeeds. */
Test(ingest_pace, settles, .timeout = 300)
{
    enum { SLICES = 10000 };
    for (size_t i = 0; i < 3; i++) {
        uint32_t trials = 0, changes = 0, before;
        world_open(&world, 64, commits_us[i], 1);
        (void)world_run(&world, 5);
        before = world.pace.own;
        for (int slice = 0; slice < SLICES; slice++) {
            (void)world_run(&world, 0.001);
            changes += world.pace.own != before;
            trials += world.pace.phase == PACE_TRIAL_OTHER;
            before = world.pace.own;
        }
        cr_expect_leq(changes, 10, "commit %g us: %u changes in 10 s", commits_us[i], changes);
        cr_expect_leq(trials, SLICES / 4, "commit %g us: %u of 10,000", commits_us[i], trials);
    }
}

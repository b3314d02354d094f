/* commit_world.h - clients, an HTTP loop, workers and a database on a virtual clock, for the tests
 * of the pace. Each client posts an order, waits for the answer and posts the next one.
 *
 * Clients, loop, workers and database share processors equally (processor sharing). A group needs a
 * processor for a fixed time and for a time an order, more if another group is in flight, and then
 * waits for the commit without one: for commit_us, together with others, and then for the disk. The
 * WAL is flushed once at a time: groups that come meanwhile share the next flush. The times are
 * those of one machine: 115 us and 9 us an order, and 115 us for the disk. A seed decides by how
 * much each time differs. */
#ifndef UNIT_COMMIT_WORLD_H
#define UNIT_COMMIT_WORLD_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "ingest/pace.h"

enum { WORLD_CLIENTS = 1024, WORLD_GROUPS = 16, WORLD_GROUP_MAX = 500, WORLD_POSTERS = 2 };

/* All times in us. */
static const double post_us = 20, loop_us = 7.5, worker_us = 50, group_us = 115, order_us = 9,
                    disk_us = 115, processors = 2, beside_another = 1.35;

/* Mistakes of the queue, planted on purpose: it does not say that orders wait, or counts groups
 * instead of orders. */
enum world_plant { PLANT_NONE, PLANT_DEAF, PLANT_COUNTS_GROUPS };

struct world_fifo {
    double at_us[WORLD_CLIENTS];
    uint32_t first, n;
};

/* Something that needs a processor, one piece of work at a time. */
struct world_server {
    struct world_fifo waiting;
    double left_us;
    bool busy;
};

struct world_group {
    enum { GROUP_FREE, GROUP_COMPUTES, GROUP_WAITS, GROUP_QUEUES, GROUP_FLUSHES } state;
    uint32_t orders;
    double left_us, ends_us, begun_us, age_us;
};

struct world {
    double now_us, commit_us; /* commit_us: added to each commit */
    uint64_t random;
    struct world_server posters[WORLD_POSTERS], reading, answering;
    bool loop_answers; /* whose turn it is on the loop */
    struct world_fifo queued;
    struct world_group groups[WORLD_GROUPS];
    uint32_t in_flight, orders_in_flight, fixed; /* fixed > 0: so many groups, and no pace */
    double flushed_us; /* when the present flush ends, or the last one has ended */
    struct pace pace;
    enum world_plant plant;
    uint64_t answered;
    double age_us; /* of the orders that are committed: the sum */
};

static void world_push(struct world_fifo *fifo, double at_us)
{
    CHECK(fifo->n < WORLD_CLIENTS);
    fifo->at_us[(fifo->first + fifo->n++) % WORLD_CLIENTS] = at_us;
}

static double world_pop(struct world_fifo *fifo)
{
    double at_us = fifo->at_us[fifo->first];
    fifo->first = (fifo->first + 1) % WORLD_CLIENTS;
    fifo->n--;
    return at_us;
}

static double world_about(struct world *world, double us)
{
    world->random ^= world->random << 13; /* xorshift64 */
    world->random ^= world->random >> 7;
    world->random ^= world->random << 17;
    return us * (0.7 + 0.6 * (double)(world->random >> 11) / 9007199254740992.0);
}

static void world_open(struct world *world, uint32_t clients, double commit_us, uint64_t seed)
{
    memset(world, 0, sizeof *world);
    world->commit_us = commit_us;
    world->random = seed * UINT64_C(0x9e3779b97f4a7c15);
    pace_init(&world->pace, WORLD_GROUPS);
    for (uint32_t i = 0; i < clients; i++)
        world_push(&world->posters[i % WORLD_POSTERS].waiting, 0);
}

/* The number of orders that the next group would have. */
static uint32_t world_next(const struct world *world)
{
    return world->queued.n < WORLD_GROUP_MAX ? world->queued.n : WORLD_GROUP_MAX;
}

static bool world_may_begin(const struct world *world)
{
    if (world->queued.n == 0 || world->in_flight == WORLD_GROUPS)
        return false;
    return world->fixed > 0
               ? world->in_flight < world->fixed
               : pace_may_begin(&world->pace, world_next(world), world->orders_in_flight);
}

static void world_begin_group(struct world *world)
{
    struct world_group *group = world->groups;
    while (group->state != GROUP_FREE)
        group++;
    const uint32_t n = world_next(world);
    *group =
        (struct world_group){ .state = GROUP_COMPUTES, .orders = n, .begun_us = world->now_us };
    for (uint32_t i = 0; i < n; i++)
        group->age_us -= world_pop(&world->queued);
    group->left_us = world_about(world, worker_us + group_us + order_us * n);
    if (world->in_flight > 0 && world->commit_us == 0)
        group->left_us *= beside_another;
    world->in_flight++;
    world->orders_in_flight += n;
}

static void world_end_group(struct world *world, struct world_group *group)
{
    group->state = GROUP_FREE;
    group->age_us += group->orders * world->now_us;
    world->in_flight--;
    world->orders_in_flight -= group->orders;
    world->age_us += group->age_us;
    for (uint32_t i = 0; i < group->orders; i++)
        world_push(&world->answering.waiting, world->now_us);
    struct pace_sample sample = {
        .now_ns = (int64_t)(world->now_us * 1000),
        .took_ns = (int64_t)((world->now_us - group->begun_us) * 1000),
        .orders = group->orders,
        .age_ns = (uint64_t)(group->age_us * 1000),
        .waiting = world->queued.n > 0,
    };
    if (world->plant == PLANT_DEAF)
        sample.waiting = false;
    if (world->plant == PLANT_COUNTS_GROUPS)
        sample.orders = 1;
    if (world->fixed == 0)
        pace_note(&world->pace, &sample);
}

/* ---- one step: to the next moment at which something ends ---- */

static void world_take_work(struct world *world, struct world_server *server, double us)
{
    if (server->busy || server->waiting.n == 0)
        return;
    (void)world_pop(&server->waiting);
    server->busy = true;
    server->left_us = world_about(world, us);
}

static void world_begin_work(struct world *world)
{
    for (int i = 0; i < WORLD_POSTERS; i++)
        world_take_work(world, &world->posters[i], post_us);
    if (!world->reading.busy)
        world_take_work(world, &world->answering, loop_us); /* the loop does one thing at a time */
    if (!world->answering.busy)
        world_take_work(world, &world->reading, loop_us);
    while (world_may_begin(world))
        world_begin_group(world);
}

/* Returns true if the server ends its work in this step. */
static bool world_serve(struct world_server *server, double us)
{
    if (!server->busy)
        return false;
    server->left_us -= us;
    server->busy = server->left_us > 1e-9;
    return !server->busy;
}

/* Begins a flush for all groups that wait for one, unless the last one still runs. */
static void world_flush(struct world *world)
{
    bool flushes = false;
    if (world->flushed_us > world->now_us)
        return;
    for (int i = 0; i < WORLD_GROUPS; i++)
        flushes |= world->groups[i].state == GROUP_QUEUES;
    if (!flushes)
        return;
    world->flushed_us = world->now_us + world_about(world, disk_us);
    for (int i = 0; i < WORLD_GROUPS; i++)
        if (world->groups[i].state == GROUP_QUEUES) {
            world->groups[i].state = GROUP_FLUSHES;
            world->groups[i].ends_us = world->flushed_us;
        }
}

/* Moves the group to its next state when that is due. If the group computes, it has just had a
 * processor for this time. */
static void world_move(struct world *world, struct world_group *group, double us)
{
    if (group->state == GROUP_FLUSHES && group->ends_us <= world->now_us)
        world_end_group(world, group);
    if (group->state == GROUP_COMPUTES && (group->left_us -= us) <= 1e-9) {
        group->state = GROUP_WAITS;
        group->ends_us = world->now_us + world->commit_us;
    }
    if (group->state == GROUP_WAITS && group->ends_us <= world->now_us)
        group->state = GROUP_QUEUES;
}

static void world_end_work(struct world *world, double us)
{
    for (int i = 0; i < WORLD_POSTERS; i++)
        if (world_serve(&world->posters[i], us))
            world_push(&world->reading.waiting, world->now_us);
    if (world_serve(&world->reading, us))
        world_push(&world->queued, world->now_us);
    if (world_serve(&world->answering, us))
        world_push(&world->posters[world->answered++ % WORLD_POSTERS].waiting, world->now_us);
    for (int i = 0; i < WORLD_GROUPS; i++)
        world_move(world, &world->groups[i], us);
    world_flush(world);
}

static void world_step(struct world *world)
{
    world_begin_work(world);
    const struct world_server *servers[] = { &world->posters[0], &world->posters[1],
                                             &world->reading, &world->answering };
    double computing = 0, left_us = INFINITY, wait_us = INFINITY;
    for (int i = 0; i < 4; i++)
        if (servers[i]->busy) {
            computing++;
            left_us = fmin(left_us, servers[i]->left_us);
        }
    for (int i = 0; i < WORLD_GROUPS; i++) {
        const struct world_group *group = &world->groups[i];
        computing += group->state == GROUP_COMPUTES;
        if (group->state == GROUP_COMPUTES)
            left_us = fmin(left_us, group->left_us);
        if (group->state == GROUP_WAITS || group->state == GROUP_FLUSHES)
            wait_us = fmin(wait_us, fmax(0, group->ends_us - world->now_us));
    }
    const double share = computing > processors ? processors / computing : 1;
    const double us = fmin(left_us / share, wait_us);
    world->now_us += us;
    world_end_work(world, us * share);
}

/* Runs the world for so long, and returns the orders answered a second. */
static double world_run(struct world *world, double seconds)
{
    const uint64_t before = world->answered;
    const double end_us = world->now_us + seconds * 1e6;
    while (world->now_us < end_us)
        world_step(world);
    return (double)(world->answered - before) / seconds;
}

#endif

/* sim_lookup.c - see sim_lookup.h. */
#include "simulation/sim_lookup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "simulation/sim_pg_impl.h"

struct lookup {
    struct sim_socket *socket;
    int fd;
    uint32_t name;
    bool fails;
};

/* Of each name; in sim_server is what is true of the servers. */
static struct {
    uint32_t n;
    struct sim_address at[WAYS];
} names[HOSTS];

/* An address leads to one server, so an address that two names share leads to the same server. */
void sim_lookup_reset(void)
{
    for (uint32_t name = 0; name < HOSTS; name++) {
        names[name].n = 1 + sim_draw(WAYS);
        for (uint32_t way = 0; way < names[name].n; way++)
            names[name].at[way] =
                (struct sim_address){ sim_chance(8) ? sim_draw(HOSTS) : name, way };
    }
    sim_lookup_silence_none();
    sim_server.resolver = SIM_RESOLVES;
}

void sim_lookup_set_mood(enum sim_resolver mood)
{
    sim_note("resolver", (unsigned)mood, "changes its mood");
    sim_server.resolver = mood;
}

uint32_t sim_lookups_open(void)
{
    return sim_server.lookups_open;
}

/* ---- addresses ---- */

uint32_t sim_lookup_server(const char *address, bool *silent)
{
    struct sim_address at;
    SIM_CHECK(sscanf(address, "10.0.%u.%u", &at.host, &at.way) == 2 && at.host < HOSTS &&
                  at.way < WAYS,
              "an address that there is not: %s", address);
    *silent = sim_server.silent[at.host][at.way];
    return at.host;
}

static bool is_silent(struct sim_address at)
{
    return sim_server.silent[at.host][at.way];
}

static bool leads_to(uint32_t name, uint32_t host)
{
    for (uint32_t i = 0; i < names[name].n; i++)
        if (names[name].at[i].host == host && !is_silent(names[name].at[i]))
            return true;
    return false;
}

static bool all_answer_somewhere(void)
{
    for (uint32_t name = 0; name < HOSTS; name++)
        for (uint32_t i = 0; i < names[name].n; i++)
            if (!leads_to(name, names[name].at[i].host))
                return false;
    return true;
}

void sim_lookup_silence_one(void)
{
    const uint32_t name = sim_draw(HOSTS);
    struct sim_address at = names[name].at[sim_draw(names[name].n)];
    if (is_silent(at))
        return;
    sim_server.silent[at.host][at.way] = true;
    if (all_answer_somewhere())
        sim_note("server", at.host, "cannot be reached at one of its addresses");
    else
        sim_server.silent[at.host][at.way] = false;
}

void sim_lookup_silence_none(void)
{
    memset(sim_server.silent, 0, sizeof sim_server.silent);
}

/* ---- lookups ---- */

static int64_t answer_moment(void)
{
    switch (sim_server.resolver) {
    case SIM_RESOLVES_NEVER:
        return CLOCK_NEVER;
    case SIM_RESOLVES_LATE:
        return sim_in_us(10000, 3000000);
    case SIM_RESOLVES:
    case SIM_RESOLVES_NOTHING:
        break;
    }
    return sim_in_us(0, 3000);
}

struct lookup *sim_lookup_start(const char *host, struct err *err)
{
    SIM_CHECK(!sim_holds_lock(), "looks up a name with a mutex held");
    if (sim_chance(200)) {
        err_set(err, ERR_RETRYABLE, "no thread is left");
        return NULL;
    }
    struct lookup *lookup = calloc(1, sizeof *lookup);
    SIM_CHECK(lookup != NULL, "out of memory");
    lookup->name = (uint32_t)(host[0] - 'a');
    SIM_CHECK(lookup->name < HOSTS && host[1] == '\0', "a name that there is not: %s", host);
    lookup->fails = sim_server.resolver == SIM_RESOLVES_NOTHING;
    lookup->fd = sim_socket_open(&lookup->socket);
    lookup->socket->readable_at_ns = answer_moment();
    sim_server.lookups_open++;
    return lookup;
}

int sim_lookup_fd(const struct lookup *lookup)
{
    return lookup->fd;
}

/* From any of them on, in a circle. */
static void list_addresses(uint32_t name, struct addresses *out)
{
    uint32_t n = names[name].n, first = sim_draw(n);
    out->n = n;
    for (uint32_t i = 0; i < n; i++) {
        struct sim_address at = names[name].at[(first + i) % n];
        (void)snprintf(out->list[i], ADDRESS_SIZE, "10.0.%u.%u", at.host, at.way);
    }
}

enum lookup_state sim_lookup_poll(const struct lookup *lookup, struct addresses *out,
                                  struct err *err)
{
    if (sim_now_ns() < lookup->socket->readable_at_ns)
        return LOOKUP_PENDING;
    if (!lookup->fails) {
        list_addresses(lookup->name, out);
        return LOOKUP_FOUND;
    }
    err_set(err, ERR_RETRYABLE, "could not translate host name");
    return LOOKUP_FAILED;
}

void sim_lookup_finish(struct lookup *lookup)
{
    SIM_CHECK(!sim_holds_lock(), "ends a lookup with a mutex held");
    (void)close(lookup->fd);
    sim_socket_leave(lookup->socket);
    sim_server.lookups_open--;
    free(lookup);
}

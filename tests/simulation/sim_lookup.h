/* sim_lookup.h - the names of the world's servers, and a resolver of moods behind the pool's
 * driver.
 *
 * The names are "a", "b" and "c". Each has an address or a few, in another order at each lookup;
 * most lead to the server of that name, some to another one. */
#ifndef SIMULATION_SIM_LOOKUP_H
#define SIMULATION_SIM_LOOKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "pqpool/lookup.h"

enum sim_resolver {
    SIM_RESOLVES,
    SIM_RESOLVES_LATE,
    SIM_RESOLVES_NOTHING, /* every lookup fails */
    SIM_RESOLVES_NEVER,   /* none is answered, then or later */
};
enum { SIM_RESOLVERS = SIM_RESOLVES_NEVER + 1 };

/* Draws anew which address leads to which server. */
void sim_lookup_reset(void);
void sim_lookup_set_mood(enum sim_resolver mood);
uint32_t sim_lookups_open(void);

/* Which server the numeric address leads to; *silent: nothing that is sent there arrives. */
uint32_t sim_lookup_server(const char *address, bool *silent);

/* One address goes silent, unless a name has no other one of the same server; or all answer. */
void sim_lookup_silence_one(void);
void sim_lookup_silence_none(void);

/* Of struct pg_driver. */
struct lookup *sim_lookup_start(const char *host, struct err *err);
int sim_lookup_fd(const struct lookup *lookup);
enum lookup_state sim_lookup_poll(const struct lookup *lookup, struct addresses *out,
                                  struct err *err);
void sim_lookup_finish(struct lookup *lookup);

#endif

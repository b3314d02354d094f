/* memory.h - how much memory the service takes at most, and how what was freed goes back to the
 * system. docs/OPERATIONS.md, "Memory", has the same for operators.
 *
 *   whole   = clients + fixed        MEMORY_MAX, or computed where that is 0
 *   clients   one budget (base/budget.h) for all that a client can make the service hold: bodies,
 *             batches and orders in flight, fetched rows, answers that have not left
 *   fixed     memory that other options bound: connections with their headers, workers and readers
 *             with their statements, the program itself
 *
 * Threads    memory_prepare(): before the first thread. memory_tick(): main. memory_plan(): any. */
#ifndef APP_MEMORY_H
#define APP_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct options;
struct service;

struct memory_plan {
    uint64_t whole_bytes, clients_bytes, fixed_bytes;
};

/* False: MEMORY_MAX is too small for the other options; *err says how much it must be. */
bool memory_plan(const struct options *options, struct memory_plan *out,
                 struct err *err) MUST_CHECK;

/* Has malloc() give large blocks back to the system as soon as they are freed. */
void memory_prepare(void);

/* Returns the memory of freed small blocks to the system when enough of it has gathered. */
void memory_tick(struct service *service);

#endif

/* memory.h - limits the memory of the service, and returns freed memory to the system. For
 * operators, docs/OPERATIONS.md, "Memory", says the same.
 *
 *   whole     MEMORY_MAX, or a computed value if MEMORY_MAX is 0; the sum of clients and fixed
 *   clients   one budget (base/budget.h) for everything that a client can make the service hold:
 *             bodies, batches and orders in flight, fetched rows, unsent answers
 *   fixed     memory that other options limit: connections with their headers, workers and readers
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

/* Returns false if MEMORY_MAX is too small for the other options: then *err names the smallest
 * value that is large enough. */
bool memory_plan(const struct options *options, struct memory_plan *out,
                 struct err *err) MUST_CHECK;

/* Makes free() return large blocks to the system at once. */
void memory_prepare(void);

/* Returns small freed blocks to the system if much of the resident memory is unused. */
void memory_tick(struct service *service);

#endif

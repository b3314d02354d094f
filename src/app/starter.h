/* starter.h - the thread that brings the database's schema up at the start, however long the
 * database is away. It ends when the schema is ready, or when main stops it.
 *
 * Threads    main. Locks: starter->mu, a leaf. */
#ifndef APP_STARTER_H
#define APP_STARTER_H

#include <pthread.h>
#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/sync.h"

struct service;

struct starter {
    struct mutex mu;
    struct cond wake;
    bool stop GUARDED_VAR;
    pthread_t thread;
    bool runs; /* main's */
};

void starter_init(struct starter *starter);
void starter_fini(struct starter *starter);

/* False: *err. */
bool starter_start(struct service *service, struct err *err) MUST_CHECK;

/* Asks the thread to end; an attempt that is under way goes on until the pool is interrupted. */
void starter_stop(struct starter *starter);
/* Waits for the end of the thread, if there is one. */
void starter_join(struct starter *starter);

#endif

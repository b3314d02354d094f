/* starter.h - the thread that makes the schema ready at the start. With DATABASE_MIGRATE it
 * migrates the schema, otherwise it only checks the schema. After a failure it tries again. It ends
 * when the schema is ready, or when main stops it. If the schema is too new, the thread ends the
 * service, and itself. Threads: main. Locks: starter->mu, a leaf lock. */
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
    bool runs; /* used by main only */
};

void starter_init(struct starter *starter);
void starter_fini(struct starter *starter);

/* Starts the thread. Returns false, with *err, if the thread cannot be started. */
bool starter_start(struct service *service, struct err *err) MUST_CHECK;

/* Asks the thread to end. If the thread is migrating or checking the schema, it first finishes this
 * attempt. pqpool_interrupt() cuts the attempt short. */
void starter_stop(struct starter *starter);
/* Waits for the end of the thread, if it was started. */
void starter_join(struct starter *starter);

#endif

/* sync.h - a mutex and a condition variable with two checks: a pthread call that fails aborts the
 * process as a programmer's error, and clang checks the locking (preset tsa). Waits use
 * CLOCK_MONOTONIC. Any thread. */
#ifndef BASE_SYNC_H
#define BASE_SYNC_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct CAPABILITY("mutex") mutex {
    pthread_mutex_t raw;
};

struct cond {
    pthread_cond_t raw;
};

void mutex_init(struct mutex *mu);
void mutex_fini(struct mutex *mu);
void mutex_lock(struct mutex *mu) ACQUIRES(mu);
void mutex_unlock(struct mutex *mu) RELEASES(mu);

void cond_init(struct cond *cond);
void cond_fini(struct cond *cond);
void cond_signal(struct cond *cond);
void cond_broadcast(struct cond *cond);

/* Waits until `cond` is signalled, or until at_ns (CLOCK_NEVER: no limit). Returns false if at_ns
 * has come. It may return true without a signal, so call it in a loop that tests what the thread
 * waits for. */
bool cond_wait_until(struct cond *cond, struct mutex *mu, int64_t at_ns) REQUIRES(mu);

/* Starts a joinable thread with every signal blocked. /proc and top show `name`, 15 characters at
 * most. Returns 0 or an errno value. */
int thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *arg) MUST_CHECK;
void thread_join(pthread_t thread);

/* Starts a detached thread with every signal blocked, for a call that may never return. The thread
 * must own all memory that it touches. Returns 0 or an errno value. */
int thread_start_detached(void *(*run)(void *), void *arg) MUST_CHECK;

#endif

/* sync.c - see sync.h. */
#include "base/sync.h"

#include <errno.h>
#include <signal.h>

#include "base/check.h"
#include "base/clock.h"

/* Mutexes are held briefly, so a thread that finds one locked spins a little before it sleeps. */
void mutex_init(struct mutex *mu)
{
    pthread_mutexattr_t attr;
    CHECK(pthread_mutexattr_init(&attr) == 0);
    CHECK(pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ADAPTIVE_NP) == 0);
    CHECK(pthread_mutex_init(&mu->raw, &attr) == 0);
    CHECK(pthread_mutexattr_destroy(&attr) == 0);
}

void mutex_fini(struct mutex *mu)
{
    CHECK(pthread_mutex_destroy(&mu->raw) == 0);
}

void mutex_lock(struct mutex *mu) NO_TSA
{
    CHECK(pthread_mutex_lock(&mu->raw) == 0);
}

void mutex_unlock(struct mutex *mu) NO_TSA
{
    CHECK(pthread_mutex_unlock(&mu->raw) == 0);
}

void cond_init(struct cond *cond)
{
    pthread_condattr_t attr;
    CHECK(pthread_condattr_init(&attr) == 0);
    CHECK(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(&cond->raw, &attr) == 0);
    CHECK(pthread_condattr_destroy(&attr) == 0);
}

void cond_fini(struct cond *cond)
{
    CHECK(pthread_cond_destroy(&cond->raw) == 0);
}

void cond_signal(struct cond *cond)
{
    CHECK(pthread_cond_signal(&cond->raw) == 0);
}

void cond_broadcast(struct cond *cond)
{
    CHECK(pthread_cond_broadcast(&cond->raw) == 0);
}

bool cond_wait_until(struct cond *cond, struct mutex *mu, int64_t at_ns)
{
    if (at_ns == CLOCK_NEVER) {
        CHECK(pthread_cond_wait(&cond->raw, &mu->raw) == 0);
        return true;
    }
    struct timespec until = clock_timespec(at_ns);
    int rc = pthread_cond_timedwait(&cond->raw, &mu->raw, &until);
    CHECK(rc == 0 || rc == ETIMEDOUT);
    return rc == 0;
}

/* Creates a thread with every signal blocked. A thread inherits the signal mask of its creator, so
 * this function blocks all signals during pthread_create(), and then restores the mask. */
static int create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    int rc = pthread_create(thread, attr, run, arg);
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    return rc;
}

int thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *arg)
{
    int rc = create(thread, NULL, run, arg);
    if (rc == 0)
        (void)pthread_setname_np(*thread, name); /* fails only if the name is too long */
    return rc;
}

int thread_start_detached(void *(*run)(void *), void *arg)
{
    pthread_t thread;
    pthread_attr_t attr;
    CHECK(pthread_attr_init(&attr) == 0);
    CHECK(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED) == 0);
    int rc = create(&thread, &attr, run, arg);
    CHECK(pthread_attr_destroy(&attr) == 0);
    return rc;
}

void thread_join(pthread_t thread)
{
    CHECK(pthread_join(thread, NULL) == 0);
}

/* locks.c - nobody waits for a lock by chance. A thread that signals a condition while it holds the
 * lock wakes another one, which finds the lock taken and waits, or finds it free: whoever is
 * faster. The linker replaces the functions here (counted.cmake), so that the signal comes when the
 * lock is free. Not for a condition that its waiter may free by then, as pqpool's waiters do. */
#include <pthread.h>
#include <stddef.h>

int __real_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);
int __real_pthread_mutex_unlock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex);
int __real_pthread_cond_signal(pthread_cond_t *cond);
int __wrap_pthread_cond_signal(pthread_cond_t *cond);

static _Thread_local int locks_held;
static _Thread_local pthread_cond_t *to_signal;

static void signal_now(void)
{
    pthread_cond_t *cond = to_signal;
    to_signal = NULL;
    if (cond != NULL)
        (void)__real_pthread_cond_signal(cond);
}

int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
    int rc = __real_pthread_mutex_lock(mutex);
    locks_held++;
    return rc;
}

int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    int rc = __real_pthread_mutex_unlock(mutex);
    if (--locks_held == 0)
        signal_now();
    return rc;
}

int __wrap_pthread_cond_signal(pthread_cond_t *cond)
{
    signal_now(); /* an earlier one of the same locks */
    to_signal = cond;
    if (locks_held == 0)
        signal_now();
    return 0;
}

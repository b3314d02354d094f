/* scripted_store.c - makes a program whose orders can be counted out of ordersd, with no_store.c:
 * the schema is always ready, and main takes no samples. The linker replaces the functions here
 * (counted.cmake); all else is ordersd as it is. */
#include <jansson.h>
#include <pthread.h>
#include <signal.h>

#include "steady.h"
#include "store/store.h"

enum migrate_rc __wrap_store_check_schema(struct pqpool *pool, int64_t deadline_at_ns,
                                          struct err *err);
int __wrap_sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout);

enum migrate_rc __wrap_store_check_schema(struct pqpool *pool, int64_t deadline_at_ns,
                                          struct err *err)
{
    (void)pool, (void)deadline_at_ns, (void)err;
    return MIGRATE_OK;
}

int __wrap_sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout)
{
    (void)timeout;
    return sigwaitinfo(set, info);
}

static void *serve(void *arg)
{
    (void)arg;
    steady_serve(NULL); /* is asked for windows only */
}

/* Before main(): its thread takes no signal, which are main's. The seed of jansson's hash tables
 * decides how long a lookup takes. */
__attribute__((constructor)) static void begin(void)
{
    pthread_t thread;
    sigset_t all, before;
    json_object_seed(1);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    if (steady_socket() >= 0 && pthread_create(&thread, NULL, serve, NULL) == 0)
        (void)pthread_detach(thread);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

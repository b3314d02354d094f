/* scripted_store.c - makes a program whose orders can be counted out of ordersd: each group is
 * stored by nobody, when all other threads sleep, and main takes no samples. The linker replaces
 * the functions here (counted.cmake); all else is ordersd as it is. */
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "orders/order_store.h"
#include "steady.h"
#include "store/store.h"

const struct order_store *__wrap_store_as_order_store(const struct store *store);
enum migrate_rc __wrap_store_check_schema(struct pqpool *pool, int64_t deadline_at_ns,
                                          struct err *err);
int __wrap_sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout);

static int release_fd = -1; /* tests/costs/costs sends a byte for each group that may be stored */

static bool put(void *ctx, struct put_group *group, struct store_failure *failure)
{
    char byte;
    (void)ctx, (void)failure;
    group->before_send(group->arg, group);
    if (read(release_fd, &byte, 1) != 1)
        _exit(0);
    group->sent_database = 1;
    for (size_t i = 0; i < group->n; i++)
        if (!group->puts[i]->skip)
            group->puts[i]->verdict = PUT_CREATED;
    return true;
}

const struct order_store *__wrap_store_as_order_store(const struct store *store)
{
    static const struct order_store scripted = { .put = put };
    (void)store;
    return &scripted;
}

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
    const char *text = getenv("COSTS_STORE_FD");
    release_fd = text != NULL ? (int)strtol(text, NULL, 10) : -1;
    json_object_seed(1);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    if (steady_socket() >= 0 && pthread_create(&thread, NULL, serve, NULL) == 0)
        (void)pthread_detach(thread);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

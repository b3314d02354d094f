/* Lookups whose thread answers at once, late, after the asker has left, or never. The memory that
 * the thread and the asker share is freed neither too early nor never, and the number of threads
 * stays bounded. */
#include <dlfcn.h>
#include <netdb.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "pqpool/lookup.h"
#include "pqpool/pqpool.h"
#include "support/wait.h"

enum { ROUNDS = 300, PATIENCE_S = 60 };

#define AWAIT(cond) CHECK(WAIT_UNTIL(cond, PATIENCE_S))

/* ---- the resolver: in place of libc's, for this program and libpq ---- */

typedef int lookup_function(const char *node, const char *service, const struct addrinfo *hints,
                            struct addrinfo **out);

/* Each address twice. */
static int give_many(lookup_function *real, const char *service, const struct addrinfo *hints,
                     struct addrinfo **list)
{
    for (int i = 0; i < 4 * ADDRESSES_MAX; i++) {
        char address[ADDRESS_SIZE];
        (void)snprintf(address, sizeof address, "192.0.2.%d", 1 + i / 2);
        CHECK(real(address, service, hints, list) == 0);
        list = &(*list)->ai_next;
    }
    return 0;
}

static atomic_bool closed; /* lookups of names stay out */
static atomic_uint asked, out;

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **list)
{
    lookup_function *real;
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    CHECK(real != NULL);
    if (node == NULL || strstr(node, ".example") == NULL)
        return real(node, service, hints, list);
    if (hints != NULL && (hints->ai_flags & AI_NUMERICHOST) != 0)
        return EAI_NONAME;
    atomic_fetch_add(&asked, 1);
    atomic_fetch_add(&out, 1);
    while (atomic_load(&closed))
        (void)usleep(1000);
    atomic_fetch_sub(&out, 1);
    if (strcmp(node, "none.example") == 0)
        return EAI_AGAIN;
    if (strcmp(node, "many.example") == 0)
        return give_many(real, service, hints, list);
    return real("192.0.2.1", service, hints, list);
}

/* ---- lookups by themselves ---- */

static enum lookup_state await(struct lookup *lookup, struct addresses *found, struct err *err)
{
    struct pollfd pfd = { .fd = lookup_fd(lookup), .events = POLLIN };
    CHECK(poll(&pfd, 1, PATIENCE_S * 1000) == 1);
    return lookup_poll(lookup, found, err);
}

static void ask_and_go(const char *host)
{
    struct lookup *lookup = lookup_start(host, NULL);
    if (lookup != NULL)
        lookup_finish(lookup);
}

static void ask_and_wait(void)
{
    struct addresses found;
    struct err err = { 0 };
    struct lookup *lookup = lookup_start("db.example", &err);
    CHECK(lookup != NULL);
    CHECK(await(lookup, &found, &err) == LOOKUP_FOUND);
    CHECK(found.n == 1 && strcmp(found.list[0], "192.0.2.1") == 0);
    lookup_finish(lookup);

    lookup = lookup_start("none.example", &err);
    CHECK(lookup != NULL);
    CHECK(await(lookup, &found, &err) == LOOKUP_FAILED);
    CHECK(strstr(err.text, "could not translate host name \"none.example\"") != NULL);
    CHECK((err.flags & ERR_RETRYABLE) != 0);
    lookup_finish(lookup);
}

static void ask_for_many(void)
{
    struct addresses found;
    struct err err = { 0 };
    struct lookup *lookup = lookup_start("many.example", &err);
    CHECK(lookup != NULL && await(lookup, &found, &err) == LOOKUP_FOUND);
    CHECK(found.n == ADDRESSES_MAX);
    CHECK(strcmp(found.list[1], "192.0.2.2") == 0);
    lookup_finish(lookup);
}

static bool can_start(void)
{
    struct lookup *lookup = lookup_start("db.example", NULL);
    if (lookup != NULL)
        lookup_finish(lookup);
    return lookup != NULL;
}

static void stress_rounds(void)
{
    for (int i = 0; i < ROUNDS; i++) {
        ask_and_go(i % 2 == 0 ? "db.example" : "none.example");
        AWAIT(can_start());
        AWAIT(atomic_load(&out) < LOOKUPS_MAX - 2);
        ask_and_wait();
    }
}

/* Those that nobody waits for any more count too: their threads are there. */
static void stress_bound(void)
{
    struct lookup *lookups[LOOKUPS_MAX];
    struct err err = { 0 };
    int n = 0;
    AWAIT(atomic_load(&out) == 0);
    atomic_store(&closed, true);
    while (n < LOOKUPS_MAX && (lookups[n] = lookup_start("db.example", &err)) != NULL)
        n++;
    CHECK(n > LOOKUPS_MAX / 2); /* a thread of before may still be on its way out */
    AWAIT(((void)can_start(), atomic_load(&out) == LOOKUPS_MAX));
    CHECK(lookup_start("db.example", &err) == NULL);
    CHECK(strstr(err.text, "16 lookups have not come back") != NULL);
    for (int i = 0; i < n; i++) {
        struct addresses found;
        CHECK(lookup_poll(lookups[i], &found, &err) == LOOKUP_PENDING);
        lookup_finish(lookups[i]);
    }
    CHECK(!can_start());
    atomic_store(&closed, false);
    AWAIT(can_start());
    AWAIT(atomic_load(&out) == 0);
}

/* ---- a pool that is closed while a lookup is out ---- */

static void stress_pools(bool late)
{
    for (int i = 0; i < 20; i++) {
        struct pqpool_options options = PQPOOL_OPTIONS_DEFAULT;
        struct pqpool *pool = NULL;
        unsigned before = atomic_load(&asked);
        options.conninfo = "host=db.example user=nobody";
        options.connect_timeout_ns = NS_PER_S / 100;
        options.initial_retry_delay_ns = NS_PER_MS;
        options.max_retry_delay_ns = 2 * NS_PER_MS;
        atomic_store(&closed, late);
        CHECK(pqpool_open(&options, &pool, NULL) == PQPOOL_OK);
        AWAIT(atomic_load(&asked) > before);
        if (i % 2 == 0)
            (void)usleep(20000); /* the dial has given up, the lookup goes on */
        pqpool_close(&pool, clock_now_ns());
        atomic_store(&closed, false);
        AWAIT(atomic_load(&out) == 0);
    }
}

int main(void)
{
    ask_for_many();
    stress_rounds();
    stress_bound();
    stress_pools(true);
    stress_pools(false);
    atomic_store(&closed, true);
    ask_and_go("db.example");     /* out when the process ends */
    AWAIT(atomic_load(&out) > 0); /* more: a lookup of a pool that is closed has begun late */
    printf("lookups: %u asked for\n", atomic_load(&asked));
    return 0;
}

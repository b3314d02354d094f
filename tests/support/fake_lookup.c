/* fake_lookup.c - see fake_lookup.h. */
#include "support/fake_lookup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "base/sync.h"

enum { NAMES_MAX = 16, TEXT_SIZE = 1024 };

struct lookup {
    struct lookup *next;
    int fd;
    char host[HOST_SIZE];
};

static struct {
    struct mutex mu;
    struct {
        char host[HOST_SIZE], addresses[TEXT_SIZE];
    } names[NAMES_MAX];
    unsigned n_names;
    struct lookup *lookups;
    struct fake_lookup_counts counts;
} resolver = { .mu = { PTHREAD_MUTEX_INITIALIZER } };

static const char *find(const char *host)
{
    for (unsigned i = 0; i < resolver.n_names; i++)
        if (strcmp(resolver.names[i].host, host) == 0)
            return resolver.names[i].addresses;
    return FAKE_LOOKUP_FAIL;
}

static void tell(const struct lookup *lookup)
{
    if (strcmp(find(lookup->host), FAKE_LOOKUP_NEVER) != 0)
        CHECK(eventfd_write(lookup->fd, 1) == 0);
}

void fake_lookup_set(const char *host, const char *addresses)
{
    mutex_lock(&resolver.mu);
    unsigned i = 0;
    while (i < resolver.n_names && strcmp(resolver.names[i].host, host) != 0)
        i++;
    CHECK(i < NAMES_MAX);
    resolver.n_names += i == resolver.n_names;
    (void)snprintf(resolver.names[i].host, HOST_SIZE, "%s", host);
    (void)snprintf(resolver.names[i].addresses, TEXT_SIZE, "%s", addresses);
    for (const struct lookup *lookup = resolver.lookups; lookup != NULL; lookup = lookup->next)
        tell(lookup);
    mutex_unlock(&resolver.mu);
}

struct fake_lookup_counts fake_lookup_counts(void)
{
    mutex_lock(&resolver.mu);
    struct fake_lookup_counts counts = resolver.counts;
    mutex_unlock(&resolver.mu);
    return counts;
}

struct lookup *fake_lookup_start(const char *host, struct err *err)
{
    struct lookup *lookup = calloc(1, sizeof *lookup);
    (void)err;
    CHECK(lookup != NULL);
    (void)snprintf(lookup->host, sizeof lookup->host, "%s", host);
    lookup->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    CHECK(lookup->fd >= 0);
    mutex_lock(&resolver.mu);
    lookup->next = resolver.lookups;
    resolver.lookups = lookup;
    resolver.counts.started++;
    resolver.counts.out++;
    tell(lookup);
    mutex_unlock(&resolver.mu);
    return lookup;
}

int fake_lookup_fd(const struct lookup *lookup)
{
    return lookup->fd;
}

static void split(const char *list, struct addresses *out)
{
    out->n = 0;
    while (*(list += strspn(list, " ")) != '\0' && out->n < ADDRESSES_MAX) {
        size_t len = strcspn(list, " ");
        (void)snprintf(out->list[out->n++], ADDRESS_SIZE, "%.*s", (int)len, list);
        list += len;
    }
}

enum lookup_state fake_lookup_poll(const struct lookup *lookup, struct addresses *out,
                                   struct err *err)
{
    enum lookup_state state = LOOKUP_FOUND;
    mutex_lock(&resolver.mu);
    const char *addresses = find(lookup->host);
    if (strcmp(addresses, FAKE_LOOKUP_NEVER) == 0)
        state = LOOKUP_PENDING;
    else if (strcmp(addresses, FAKE_LOOKUP_FAIL) == 0)
        state = LOOKUP_FAILED;
    else
        split(addresses, out);
    mutex_unlock(&resolver.mu);
    if (state == LOOKUP_FAILED)
        err_set(err, ERR_RETRYABLE,
                "could not translate host name \"%s\" to address: Temporary failure in name "
                "resolution",
                lookup->host);
    return state;
}

void fake_lookup_finish(struct lookup *lookup)
{
    mutex_lock(&resolver.mu);
    struct lookup **at = &resolver.lookups;
    while (*at != lookup)
        at = &(*at)->next;
    *at = lookup->next;
    resolver.counts.out--;
    mutex_unlock(&resolver.mu);
    (void)close(lookup->fd);
    free(lookup);
}

struct pg_driver fake_lookup_with(const struct pg_driver *driver)
{
    struct pg_driver with = *driver;
    with.lookup_start = fake_lookup_start;
    with.lookup_fd = fake_lookup_fd;
    with.lookup_poll = fake_lookup_poll;
    with.lookup_finish = fake_lookup_finish;
    return with;
}

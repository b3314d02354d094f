/* lookup.c - looks up a host name on a thread; see lookup.h. */
#include "pqpool/lookup.h"

#include <errno.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/sync.h"

struct lookup {
    atomic_uint owners; /* 2 at first: the thread and the caller; the last one frees the struct */
    atomic_bool over;   /* set by the thread after it has written `found`, `failed` and `err` */
    int fd;
    bool failed;
    struct addresses found;
    struct err err;
    char host[HOST_SIZE];
};

static atomic_uint lookups_out; /* how many lookup threads run in the process */

/* ---- memory ---- */

static void leave(struct lookup *lookup)
{
    if (atomic_fetch_sub_explicit(&lookup->owners, 1, memory_order_acq_rel) > 1)
        return;
    (void)close(lookup->fd);
    free(lookup);
}

/* ---- the thread ---- */

static void add_address(struct addresses *to, const struct addrinfo *info)
{
    char *text = to->list[to->n];
    if (to->n == ADDRESSES_MAX ||
        getnameinfo(info->ai_addr, info->ai_addrlen, text, ADDRESS_SIZE, NULL, 0, NI_NUMERICHOST))
        return;
    for (unsigned i = 0; i < to->n; i++)
        if (strcmp(to->list[i], text) == 0)
            return;
    to->n++;
}

static void explain(struct lookup *lookup, int rc, int error)
{
    const char *why = rc == EAI_SYSTEM ? strerrordesc_np(error) : gai_strerror(rc);
    lookup->failed = true;
    err_set(&lookup->err, ERR_RETRYABLE, "could not translate host name \"%.100s\" to address: %s",
            lookup->host, rc == 0 ? "it has no address" : why);
}

static void look_up(struct lookup *lookup)
{
    const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    struct addrinfo *list = NULL;
    int rc = getaddrinfo(lookup->host, NULL, &hints, &list);
    int error = errno;
    if (rc == 0) {
        for (const struct addrinfo *info = list; info != NULL; info = info->ai_next)
            if (info->ai_family == AF_INET || info->ai_family == AF_INET6)
                add_address(&lookup->found, info);
        freeaddrinfo(list);
    }
    if (lookup->found.n == 0)
        explain(lookup, rc, error);
}

static void *run(void *arg)
{
    struct lookup *lookup = arg;
    look_up(lookup);
    atomic_store_explicit(&lookup->over, true, memory_order_release);
    (void)eventfd_write(lookup->fd, 1);
    leave(lookup);
    atomic_fetch_sub_explicit(&lookups_out, 1, memory_order_relaxed);
    return NULL;
}

/* ---- the caller ---- */

bool lookup_is_needed(const char *host)
{
    const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM };
    struct addrinfo *list = NULL;
    if (host == NULL || host[0] == '\0' || host[0] == '/' || host[0] == '@')
        return false;
    bool numeric = getaddrinfo(host, NULL, &hints, &list) == 0;
    if (numeric)
        freeaddrinfo(list);
    return !numeric;
}

static bool start_thread(struct lookup *lookup, struct err *err)
{
    if (atomic_fetch_add_explicit(&lookups_out, 1, memory_order_relaxed) >= LOOKUPS_MAX)
        err_set(
            err, ERR_RETRYABLE,
            "could not translate host name \"%.100s\" to address: %d lookups have not come back",
            lookup->host, LOOKUPS_MAX);
    else if (thread_start_detached(run, lookup) == 0)
        return true;
    else
        err_set(err, ERR_RETRYABLE, "no thread is left to look up host name \"%.100s\"",
                lookup->host);
    atomic_fetch_sub_explicit(&lookups_out, 1, memory_order_relaxed);
    return false;
}

struct lookup *lookup_start(const char *host, struct err *err)
{
    size_t size = strlen(host) + 1;
    struct lookup *lookup = size <= HOST_SIZE ? calloc(1, sizeof *lookup) : NULL;
    if (lookup == NULL) {
        err_set(err, ERR_RETRYABLE, "host name \"%.100s\": %s", host,
                size > HOST_SIZE ? "longer than 255 bytes" : "no memory is left to look it up");
        return NULL;
    }
    memcpy(lookup->host, host, size);
    atomic_init(&lookup->owners, 2);
    lookup->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (lookup->fd >= 0 && start_thread(lookup, err))
        return lookup;
    if (lookup->fd < 0)
        err_set(err, ERR_RETRYABLE,
                "host name \"%.100s\": no file descriptor is left to look it up", host);
    else
        (void)close(lookup->fd);
    free(lookup);
    return NULL;
}

int lookup_fd(const struct lookup *lookup)
{
    return lookup->fd;
}

enum lookup_state lookup_poll(const struct lookup *lookup, struct addresses *out, struct err *err)
{
    if (!atomic_load_explicit(&lookup->over, memory_order_acquire))
        return LOOKUP_PENDING;
    if (lookup->failed && err != NULL)
        *err = lookup->err;
    if (lookup->failed)
        return LOOKUP_FAILED;
    *out = lookup->found;
    return LOOKUP_FOUND;
}

void lookup_finish(struct lookup *lookup)
{
    leave(lookup);
}

/* names.c - shares the lookups of host names among dials; see names.h. */
#include "pqpool/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "pqpool/pg_driver.h"

/* For this long after a lookup has begun, further dials share it. A dial that begins later starts a
 * new lookup, because the resolver may have been repaired since. 10 s are twice the time after
 * which libc asks the next name server. If the resolver never answers, each host costs at most one
 * thread in 10 s, and the process LOOKUPS_MAX threads at most. */
#define SHARED_NS (10 * NS_PER_S)

struct host_names {
    /* The lookup that began last; NULL: there was none, or its result has been read. */
    struct name *latest;
    char good[ADDRESS_SIZE]; /* the address at which a server answered last; "": not known */
};

struct names {
    const struct pg_driver *pg;
    unsigned n_hosts;
    struct host_names hosts[];
};

struct names *names_open(const struct pg_driver *pg, unsigned hosts)
{
    struct names *names = calloc(1, sizeof *names + hosts * sizeof names->hosts[0]);
    if (names == NULL)
        return NULL;
    names->pg = pg;
    names->n_hosts = hosts;
    return names;
}

void names_close(struct names *names)
{
    for (unsigned i = 0; names != NULL && i < names->n_hosts; i++)
        names_leave(names, &names->hosts[i].latest);
    free(names);
}

void names_leave(struct names *names, struct name **name_inout)
{
    struct name *name = *name_inout;
    *name_inout = NULL;
    if (name == NULL || --name->owners > 0)
        return;
    names->pg->lookup_finish(name->lookup);
    free(name);
}

static struct name *begin(struct names *names, const char *text, int64_t now_ns, struct err *err)
{
    struct name *name = calloc(1, sizeof *name);
    if (name == NULL) {
        err_set(err, ERR_RETRYABLE, "out of memory");
        return NULL;
    }
    name->lookup = names->pg->lookup_start(text, err);
    if (name->lookup == NULL) {
        free(name);
        return NULL;
    }
    name->owners = 1;
    name->began_at_ns = now_ns;
    return name;
}

/* Joins the dial to the latest lookup or to a new one. If no new lookup can be started, the dial
 * shares the latest one, even if that began more than SHARED_NS ago. */
struct name *names_enter(struct names *names, unsigned host, const char *text, int64_t now_ns,
                         struct err *err)
{
    struct host_names *of = &names->hosts[host];
    if (of->latest == NULL || now_ns - of->latest->began_at_ns >= SHARED_NS) {
        struct name *fresh = begin(names, text, now_ns, err);
        if (fresh == NULL && of->latest == NULL)
            return NULL;
        if (fresh != NULL) {
            names_leave(names, &of->latest);
            of->latest = fresh;
        }
    }
    of->latest->owners++;
    return of->latest;
}

static void put_first(struct addresses *addresses, const char *good)
{
    char first[ADDRESS_SIZE];
    for (unsigned i = 1; i < addresses->n; i++) {
        if (strcmp(addresses->list[i], good) != 0)
            continue;
        memcpy(first, addresses->list[i], sizeof first);
        memmove(addresses->list[1], addresses->list[0], i * sizeof first);
        memcpy(addresses->list[0], first, sizeof first);
    }
}

enum lookup_state names_step(struct names *names, unsigned host, struct name *name)
{
    struct host_names *of = &names->hosts[host];
    if (name->state != LOOKUP_PENDING)
        return name->state;
    name->state = names->pg->lookup_poll(name->lookup, &name->addresses, &name->err);
    /* The address that answered most recently is put first here and nowhere else, because after
     * this the dials refer to the addresses by index. */
    if (name->state == LOOKUP_FOUND)
        put_first(&name->addresses, of->good);
    enum lookup_state state = name->state;
    if (state != LOOKUP_PENDING && of->latest == name)
        names_leave(names, &of->latest); /* a dial that begins later starts a new lookup */
    return state;
}

void names_good(struct names *names, unsigned host, const char *address)
{
    char *good = names->hosts[host].good;
    if (address[0] != '\0')
        (void)snprintf(good, ADDRESS_SIZE, "%s", address);
}

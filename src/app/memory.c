/* memory.c - see memory.h.
 *
 * By default, glibc keeps freed memory. It raises its threshold for mmap() to the size of the
 * largest freed block (up to 32 MiB), so bodies and answers end up among small blocks in the heaps
 * of a dozen threads. memory_prepare() fixes the threshold: every block of MAPPED_FROM bytes or
 * more then has its own mapping, which free() returns to the system. Smaller blocks are returned
 * only by malloc_trim(), which walks through all heaps. So memory_tick() calls malloc_trim() only
 * if much more memory is resident than is needed. */
#include "app/memory.h"

#include <malloc.h>

#include "app/options.h"
#include "app/service.h"
#include "base/budget.h"
#include "http/http.h"
#include "observability/process.h"

#define MIB(n) ((uint64_t)(n) << 20)

enum { MAPPED_FROM = 60 * 1024 }; /* so that each piece of base/pieces.h has a mapping */

static const uint64_t clients_default = MIB(320);
static const uint64_t clients_min = MIB(16);
static const uint64_t program_bytes =
    MIB(48); /* the program, its libraries, threads and idle connections */
/* The memory of one worker: a group as parameters of a statement, libpq's message with the same
 * group, and the result. */
static const uint64_t worker_bytes = MIB(8);
/* The memory of one reader: LOOKUP_METADATA_MAX bytes in libpq's rows, and as many in the orders
 * that are made from the rows. A page of a list takes less: ORDER_PAGE_METADATA_MAX bytes in each,
 * and about 700 bytes for each of ORDER_PAGE_MAX rows. */
static const uint64_t reader_bytes = MIB(10);
static const uint64_t trim_after = MIB(8);

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t fixed_of(const struct options *o)
{
    const struct http_options http = {
        .max_connections = o->http.max_connections,
        .threads = o->http.threads,
        .header_max_bytes = o->http.header_max_bytes,
    };
    bool tls = o->tls.cert_file[0] != '\0';
    return program_bytes + http_fixed_bytes(&http, tls) + o->orders.workers * worker_bytes +
           o->orders.readers * reader_bytes;
}

bool memory_plan(const struct options *o, struct memory_plan *out, struct err *err)
{
    uint64_t fixed = fixed_of(o), two_bodies = 2 * o->http.max_body_bytes;
    uint64_t parts = larger(o->http.bodies_max_bytes, o->orders.queue_max_bytes);
    uint64_t whole = o->memory_max_bytes;
    uint64_t least = fixed + larger(clients_min, two_bodies);
    if (whole == 0)
        whole = fixed + larger(clients_default, larger(parts, two_bodies));
    if (whole < least) {
        err_set(
            err, 0,
            "MEMORY_MAX: must be 0 or at least %lluMiB with this HTTP_MAX_CONNECTIONS (%u), "
            "HTTP_THREADS, HTTP_HEADER_MAX, HTTP_MAX_BODY, TLS, ORDERS_WORKERS and ORDERS_READERS",
            (unsigned long long)least / MIB(1) + 1, o->http.max_connections);
        return false;
    }
    *out = (struct memory_plan){ whole, whole - fixed, fixed };
    return true;
}

void memory_prepare(void)
{
    /* NOLINTBEGIN(concurrency-mt-unsafe): runs before the first thread is started */
    (void)mallopt(M_MMAP_THRESHOLD, MAPPED_FROM);
    (void)mallopt(M_TRIM_THRESHOLD, MAPPED_FROM);
    /* NOLINTEND(concurrency-mt-unsafe) */
}

/* Returns the slack: the resident bytes beyond those that are taken from the clients' budget. */
static uint64_t slack_of(const struct service *service)
{
    uint64_t resident = process_memory().resident_bytes;
    uint64_t used = budget_used(&service->memory);
    return resident > used ? resident - used : 0;
}

/* Trims the heaps if the slack is more than `trim_after` above its lowest value since the last
 * trim. The slack that a trim leaves is the new lowest value, so a trim that frees nothing is not
 * repeated. */
void memory_tick(struct service *service)
{
    uint64_t slack = slack_of(service);
    if (slack > service->memory_slack_bytes + trim_after) {
        (void)malloc_trim(0);
        service->memory_slack_bytes = slack_of(service);
    } else if (slack < service->memory_slack_bytes) {
        service->memory_slack_bytes = slack;
    }
}

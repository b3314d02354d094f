/* Out of memory, and out of descriptors: an error that says so, nothing left behind, and a pool
 * that mends itself. The linker sends our own allocations here (--wrap, see tests/CMakeLists.txt);
 * that nothing leaks is LeakSanitizer's to see. */
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "pqpool_fixture.h"

/* ---- the n-th allocation of this thread fails ---- */

static _Thread_local unsigned left; /* 0: none fails */
static _Thread_local bool failed;

static bool fails(void)
{
    if (left == 0 || --left > 0)
        return false;
    failed = true;
    return true;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t n);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t n);

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails() ? NULL : __real_realloc(old, size);
}

void *__wrap_aligned_alloc(size_t align, size_t size)
{
    return fails() ? NULL : __real_aligned_alloc(align, size);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t n)
{
    return fails() ? NULL : __real_strndup(text, n);
}

/* Opens with the n-th allocation failing, and uses what it got. False: there was no n-th. */
static bool open_short_of_memory(const struct pqpool_options *options, unsigned n)
{
    struct pqpool *pool = NULL;
    struct err err = { 0 };
    left = n;
    failed = false;
    enum pqpool_rc rc = pool_open_with(options, &fake_pg, &pool, &err);
    left = 0;
    if (!failed) {
        cr_expect_eq(rc, PQPOOL_OK, "%s", err.text);
        struct pqpool_lease *lease = lease_from(pool);
        pqpool_release(&lease, PQPOOL_REUSE);
        close_pool(&pool);
        return false;
    }
    cr_expect(rc == PQPOOL_NOMEM || rc == PQPOOL_INVALID_OPTIONS, "allocation %u: %d", n, (int)rc);
    cr_expect_not_null(strstr(err.text, "out of memory"), "allocation %u: %s", n, err.text);
    cr_expect_null(pool);
    return true;
}

Test(nomem, every_allocation_may_fail)
{
    struct pqpool_options options = quick_options(2, 4);
    options.conninfo = "host=10.0.0.1,10.0.0.2 port=1,2 options='-c lock_timeout=1'";
    options.session_options = "-c statement_timeout=1";
    unsigned n = 1;
    while (open_short_of_memory(&options, n))
        n++;
    cr_expect_geq(n, 12, "only %u allocations failed", n - 1);
}

/* A pool that is open needs no more memory of its own: nothing on this way may allocate. */
Test(nomem, an_open_pool_allocates_nothing)
{
    struct pqpool_options options = quick_options(1, 2);
    struct pqpool *pool = open_warm_pool(&options);
    left = 1;
    failed = false;
    for (int i = 0; i < 100; i++) {
        struct pqpool_lease *lease = NULL;
        cr_expect_eq(pqpool_acquire(pool, CLOCK_NEVER, &lease, NULL), PQPOOL_OK);
        pqpool_report_error(lease, i % 10 == 0 ? "08006" : "23505");
        pqpool_release(&lease, i % 7 == 0 ? PQPOOL_DISCARD : PQPOOL_REUSE);
        (void)stats_of(pool);
    }
    left = 0;
    cr_expect_not(failed);
    close_pool(&pool);
}

/* ---- descriptors ---- */

static int next_fd(void)
{
    int fd = dup(STDERR_FILENO);
    cr_assert_geq(fd, 0);
    (void)close(fd);
    return fd;
}

static void allow_fds(int n)
{
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = (rlim_t)n;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

Test(nomem, every_descriptor_may_be_the_last)
{
    struct pqpool_options options = quick_options(1, 2);
    struct rlimit before;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    int first = next_fd();
    for (int spare = 0; spare < 3; spare++) { /* two eventfds and an epoll */
        struct pqpool *pool = NULL;
        struct err err = { 0 };
        allow_fds(first + spare);
        cr_expect_eq(pool_open_with(&options, &fake_pg, &pool, &err), PQPOOL_NOMEM);
        cr_expect_not_null(strstr(err.text, "descriptors"), "%s", err.text);
        allow_fds((int)before.rlim_cur);
        cr_expect_eq(next_fd(), first, "one was left open");
    }
}

/* The connection is there, and the pool has no descriptor to watch it with. */
Test(nomem, a_dial_without_a_descriptor_fails_and_is_made_again)
{
    struct pqpool_options options = quick_options(1, 1);
    struct rlimit before;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    fake_pg_dials(FAKE_DIAL_HANG, NULL, FAKE_ALWAYS);
    struct pqpool *pool = open_pool(&options);
    AWAIT(server_counts().dialling == 2);
    allow_fds(next_fd());
    fake_pg_dials(FAKE_DIAL_OK, NULL, 0);
    AWAIT(strstr(stats_of(pool).server.error, "descriptor") != NULL);
    allow_fds((int)before.rlim_cur);
    AWAIT(stats_of(pool).connections.idle == 1 && stats_of(pool).health.healthy);
    close_pool(&pool);
}

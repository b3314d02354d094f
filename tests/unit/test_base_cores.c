/* The quota of a cgroup, read from files as the kernel writes them. */
#include <criterion/criterion.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cores.h"

static char folder[64];

static void write_file(const char *name, const char *text)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *out = fopen(path, "w");
    cr_assert_not_null(out);
    cr_assert_geq(fputs(text, out), 0);
    cr_assert_eq(fclose(out), 0);
}

static void make_folder(const char *name)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    cr_assert_eq(mkdir(path, 0700), 0);
}

static void set_up(void)
{
    (void)snprintf(folder, sizeof folder, "/tmp/ordersd-cores-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    make_folder("a");
    make_folder("a/b");
    write_file("membership", "12:cpu:/old\n0::/a/b\n");
}

static void tear_down(void)
{
    static const char *const names[] = { "a/b/cpu.max", "a/cpu.max", "cpu.max", "membership",
                                         "a/b",         "a",         "" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[256];
        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)remove(path);
    }
}

TestSuite(cores, .init = set_up, .fini = tear_down);

static uint32_t quota(void)
{
    char membership[128];
    (void)snprintf(membership, sizeof membership, "%s/membership", folder);
    return cores_of_quota(membership, folder);
}

Test(cores, no_quota)
{
    cr_expect_eq(quota(), UINT32_MAX, "no file");
    write_file("a/b/cpu.max", "max 100000\n");
    cr_expect_eq(quota(), UINT32_MAX);
    write_file("a/b/cpu.max", "");
    cr_expect_eq(quota(), UINT32_MAX);
    write_file("membership", "12:cpu:/old\n");
    write_file("a/b/cpu.max", "100000 100000\n");
    cr_expect_eq(quota(), UINT32_MAX, "no cgroup of version 2");
    cr_expect_eq(cores_of_quota("/nowhere", folder), UINT32_MAX);
}

Test(cores, quota_is_rounded_up)
{
    write_file("a/b/cpu.max", "200000 100000\n");
    cr_expect_eq(quota(), 2);
    write_file("a/b/cpu.max", "200001 100000\n");
    cr_expect_eq(quota(), 3);
    write_file("a/b/cpu.max", "1000 100000\n");
    cr_expect_eq(quota(), 1);
}

Test(cores, the_smallest_quota_on_the_way_to_the_root_counts)
{
    write_file("a/b/cpu.max", "400000 100000\n");
    write_file("a/cpu.max", "300000 100000\n");
    cr_expect_eq(quota(), 3);
    write_file("cpu.max", "150000 50000\n");
    cr_expect_eq(quota(), 3);
    write_file("cpu.max", "100000 100000\n");
    cr_expect_eq(quota(), 1);
    write_file("membership", "0::/\n");
    cr_expect_eq(quota(), 1);
}

Test(cores, affinity)
{
    cpu_set_t all, one;
    cr_assert_eq(sched_getaffinity(0, sizeof all, &all), 0);
    cr_expect_leq(cores_usable(), (uint32_t)CPU_COUNT(&all));
    size_t first = 0;
    while (!CPU_ISSET(first, &all))
        first++;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    cr_assert_eq(sched_setaffinity(0, sizeof one, &one), 0);
    cr_expect_eq(cores_usable(), 1);
}

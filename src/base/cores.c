/* cores.c - see cores.h. */
#include "base/cores.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_SIZE = 4096, SETS = 8 /* room for 8192 processors */ };

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t of_affinity(void)
{
    cpu_set_t sets[SETS];
    if (sched_getaffinity(0, sizeof sets, sets) == 0)
        return (uint32_t)CPU_COUNT_S(sizeof sets, sets);
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (uint32_t)online : 1;
}

/* Finds the line "0::PATH", which names the cgroup of version 2, and sets `path` to PATH. */
static bool read_group(const char *membership, char path[PATH_SIZE])
{
    char line[PATH_SIZE + 4];
    bool found = false;
    FILE *in = fopen(membership, "re");
    if (in == NULL)
        return false;
    while (!found && fgets(line, sizeof line, in) != NULL)
        found = strncmp(line, "0::", 3) == 0;
    (void)fclose(in);
    if (!found)
        return false;
    size_t len = strcspn(line + 3, "\n");
    memcpy(path, line + 3, len);
    path[len] = '\0';
    return true;
}

/* Parses the text of cpu.max. "150000 100000" means 150000 us of processor time in each period of
 * 100000 us. Returns how many processors that is, rounded up. "max 100000" means no quota: returns
 * UINT32_MAX. */
static uint32_t read_quota(const char *text)
{
    char *end;
    unsigned long quota = strtoul(text, &end, 10);
    if (end == text)
        return UINT32_MAX;
    unsigned long period = strtoul(end, NULL, 10);
    return period > 0 ? (uint32_t)((quota + period - 1) / period) : UINT32_MAX;
}

static uint32_t quota_of(const char *mount, const char *group)
{
    char name[2 * PATH_SIZE], text[64];
    (void)snprintf(name, sizeof name, "%s%s/cpu.max", mount, group);
    FILE *in = fopen(name, "re");
    if (in == NULL)
        return UINT32_MAX;
    bool some = fgets(text, sizeof text, in) != NULL;
    (void)fclose(in);
    return some ? read_quota(text) : UINT32_MAX;
}

uint32_t cores_of_quota(const char *membership, const char *mount)
{
    char group[PATH_SIZE];
    uint32_t least = UINT32_MAX;
    if (!read_group(membership, group))
        return UINT32_MAX;
    for (;;) {
        least = smaller(least, quota_of(mount, group));
        char *parent_end = strrchr(group, '/');
        if (parent_end == NULL)
            return least;
        *parent_end = '\0';
    }
}

uint32_t cores_usable(void)
{
    uint32_t cores = smaller(of_affinity(), cores_of_quota("/proc/self/cgroup", "/sys/fs/cgroup"));
    return cores > 0 ? cores : 1;
}

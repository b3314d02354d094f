/* cores.h - how many processors the process may use. Any thread. */
#ifndef BASE_CORES_H
#define BASE_CORES_H

#include <stdint.h>

/* Returns how many processors the process may keep busy: the number in its affinity mask, or its
 * CPU quota (see cores_of_quota()) if that is less. At least 1. */
uint32_t cores_usable(void);

/* Returns the smallest CPU quota of the process's cgroup (version 2) and the cgroups above it, in
 * processors, rounded up; UINT32_MAX if there is no quota. `membership` is a file such as
 * /proc/self/cgroup, and the cgroups are the folders below `mount`. */
uint32_t cores_of_quota(const char *membership, const char *mount);

#endif

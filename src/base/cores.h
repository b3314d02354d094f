/* cores.h - how many processors the process may use. Any thread. */
#ifndef BASE_CORES_H
#define BASE_CORES_H

#include <stdint.h>

/* Returns how many processors the process may keep busy: those of its affinity, and no more than
 * the CPU quota of its cgroup (version 2) and of the cgroups above it, rounded up. At least 1. */
uint32_t cores_usable(void);

/* Returns the quota alone, or UINT32_MAX if there is none. `membership` is a file such as
 * /proc/self/cgroup, and the cgroups are the folders below `mount`. */
uint32_t cores_of_quota(const char *membership, const char *mount);

#endif

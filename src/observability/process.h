/* process.h - reads figures of this process from the kernel: memory, file descriptors, processor
 * time. Threads: any. A figure that the kernel does not give is 0. */
#ifndef OBSERVABILITY_PROCESS_H
#define OBSERVABILITY_PROCESS_H

#include <stdint.h>

struct process_memory {
    uint64_t virtual_bytes, resident_bytes;
};
struct process_memory process_memory(void);

struct process_files {
    uint64_t open, max; /* file descriptors */
};
struct process_files process_files(void);

/* Returns the processor time of the process: user and system time together. */
int64_t process_cpu_ns(void);

#endif

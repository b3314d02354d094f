/* process.c - see process.h. */
#include "observability/process.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"

/* Reads /proc/self/statm: "virtual resident ...", in pages. */
struct process_memory process_memory(void)
{
    struct process_memory size = { 0 };
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    char text[128] = "";
    FILE *statm = fopen("/proc/self/statm", "re");
    if (statm == NULL)
        return size;
    if (fgets(text, sizeof text, statm) != NULL) {
        char *end;
        size.virtual_bytes = strtoull(text, &end, 10) * page;
        size.resident_bytes = strtoull(end, NULL, 10) * page;
    }
    (void)fclose(statm);
    return size;
}

struct process_files process_files(void)
{
    struct rlimit limit = { 0 };
    uint64_t n = 0;
    DIR *dir = opendir("/proc/self/fd");
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): safe in glibc: only this thread uses `dir` */
    while (dir != NULL && readdir(dir) != NULL)
        n++;
    if (dir != NULL)
        (void)closedir(dir);
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    return (struct process_files){
        .open = n > 3 ? n - 3 : 0, /* without ".", ".." and the descriptor of the folder */
        .max = limit.rlim_cur,
    };
}

static int64_t of_timeval(struct timeval tv)
{
    return (int64_t)tv.tv_sec * NS_PER_S + (int64_t)tv.tv_usec * NS_PER_US;
}

int64_t process_cpu_ns(void)
{
    struct rusage used = { 0 };
    (void)getrusage(RUSAGE_SELF, &used);
    return of_timeval(used.ru_utime) + of_timeval(used.ru_stime);
}

/* cluster_folder.h - cluster.c's folder: made from a template, removed whatever happens.
 *
 * Template   initdb takes about a second, a copy a tenth: the first cluster of a build directory
 *            leaves a copy of its fresh data there, under a lock.
 * Removal    a shell outside of the test process holds the reading end of a pipe. When the writing
 *            end closes, by cluster_folder_remove() or because the process has died, it kills the
 *            server's processes and removes the folder. There is no other way of removal.
 * Any failure ends the process. One thread at a time. */
#ifndef SUPPORT_CLUSTER_FOLDER_H
#define SUPPORT_CLUSTER_FOLDER_H

#include <stdbool.h>
#include <sys/types.h>

struct cluster_folder {
    char path[64]; /* /dev/shm/... or /tmp/...; holds data/, log and the server's socket */
    char *bin;     /* owned; the folder of the server's programs */
    uid_t uid;     /* whom the server runs as */
    gid_t gid;
    int reaper_pipe; /* closed: the folder goes */
};

/* primary: the conninfo of a server whose data this is to be a copy of, ready to follow it; NULL:
 * an empty database of its own, which shares the template's system identifier unless own_system. */
void cluster_folder_make(struct cluster_folder *folder, const char *primary, bool own_system);
void cluster_folder_configure(const struct cluster_folder *folder, int port, bool fsync,
                              const char *conf);
pid_t cluster_folder_postgres(const struct cluster_folder *folder);

/* Runs `program FILE` as the server's user in a folder NAME beside the data, where its log is too;
 * FILE is written there first, with `text`. It ends with the folder, if not before. */
pid_t cluster_folder_beside(const struct cluster_folder *folder, const char *name,
                            const char *program, const char *file, const char *text);
void cluster_folder_remove(struct cluster_folder *folder);

#endif

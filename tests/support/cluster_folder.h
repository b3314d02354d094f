/* cluster_folder.h - the folder of a cluster: made from a template, removed whatever happens.
 *
 * Template   initdb takes about a second, a copy a tenth. So the first cluster of a build directory
 *            keeps a copy of its fresh data there, under a lock.
 * Removal    A shell outside of the test process holds the reading end of a pipe. When the writing
 *            end closes, in cluster_folder_remove() or because the process died, the shell kills
 *            the server's processes and removes the folder. Nothing else removes it.
 * Failure    A failure ends the process.
 * Threads    one thread at a time */
#ifndef SUPPORT_CLUSTER_FOLDER_H
#define SUPPORT_CLUSTER_FOLDER_H

#include <stdbool.h>
#include <sys/types.h>

struct cluster_folder {
    char path[64]; /* /dev/shm/... or /tmp/...; has data/, log and the server's socket */
    char *bin;     /* owned; the folder of the server's programs */
    uid_t uid;     /* the server's user */
    gid_t gid;
    int reaper_pipe; /* closing it removes the folder */
};

/* `primary` is the conninfo of a server whose data is copied, ready to follow it. If it is NULL,
 * the database is empty and has the template's system identifier, unless own_system. */
void cluster_folder_make(struct cluster_folder *folder, const char *primary, bool own_system);
void cluster_folder_configure(const struct cluster_folder *folder, int port, bool fsync,
                              const char *conf);
pid_t cluster_folder_postgres(const struct cluster_folder *folder);

/* Writes `text` to FILE in a folder NAME beside the data, and runs `program FILE` as the server's
 * user, with its log there too. The program ends with the folder at the latest. */
pid_t cluster_folder_beside(const struct cluster_folder *folder, const char *name,
                            const char *program, const char *file, const char *text);
void cluster_folder_remove(struct cluster_folder *folder);

/* Returns true if the extension is installed for the server that clusters run. */
bool cluster_folder_has_extension(const char *name);

#endif

/* secrets.h - keeps secrets out of /proc/PID/cmdline, /proc/PID/environ and core dumps, and warns
 * of files with secrets that everyone may read. */
#ifndef APP_SECRETS_H
#define APP_SECRETS_H

#include <stdbool.h>

#include "base/attr.h"

struct err;
struct options;

/* Copies argv and the environment, and overwrites the secrets with *** in the memory that the
 * kernel shows of this process. Returns the copy of argv, which SIGHUP reads later, or NULL if out
 * of memory; then nothing was changed. Call it first of all, before the first thread. The copies
 * are never freed. */
char **secrets_hide(int argc, char *argv[]) MUST_CHECK;

/* Forbids core dumps, and forbids all users but root to read or trace this process, unless
 * CORE_DUMPS allows them. */
void secrets_keep_from_dumps(const struct options *options);

/* Logs `event` if everyone on this machine may read the file, and says how to restrict it so that
 * this process can still read it. Does nothing for a file that is a mount of its own, as the
 * secrets of a container are, or if there is no path (NULL or ""). */
void secrets_warn_of_file(const char *event, const char *option, const char *path);

/* Calls secrets_warn_of_file() for each secret's file that the options name, except
 * API_KEYS_FILE. */
void secrets_warn_of_files(const struct options *options);

/* Returns true if DATABASE_PASSWORD_FILE can be read. Only --check-config needs this: a running
 * service reads the file at each dial, and waits for it. */
bool secrets_check_files(const struct options *options, struct err *err) MUST_CHECK;

#endif

/* secrets.h - keeps secrets out of /proc/PID/cmdline, /proc/PID/environ and core dumps, and warns
 * if a file with a secret can be read by every user of the machine. */
#ifndef APP_SECRETS_H
#define APP_SECRETS_H

#include <stdbool.h>

#include "base/attr.h"

struct err;
struct options;

/* Copies argv and the environment. Then overwrites the secrets in the originals with ***, because
 * the kernel shows the originals in /proc. Returns the copy of argv. Returns NULL, and overwrites
 * nothing, if memory runs out or argc is 0. The copies are never freed. Call it first in main(). */
char **secrets_hide(int argc, char *argv[]) MUST_CHECK;

/* Unless CORE_DUMPS is true, forbids core dumps, and forbids users other than root to read or trace
 * this process. */
void secrets_keep_from_dumps(const struct options *options);

/* Logs `event` if every user of this machine may read the file, and says how to restrict the file
 * so that this process can still read it. Does nothing if the path is NULL or "", or if the file is
 * a mount of its own, as the secrets of a container are. */
void secrets_warn_of_file(const char *event, const char *option, const char *path);

/* Calls secrets_warn_of_file() for each file with a secret, except API_KEYS_FILE. */
void secrets_warn_of_files(const struct options *options);

/* Returns true if DATABASE_PASSWORD_FILE can be read. Only --check-config needs this. A running
 * service reads the file at each dial, and may start before the file exists. */
bool secrets_check_files(const struct options *options, struct err *err) MUST_CHECK;

#endif

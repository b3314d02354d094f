/* secrets.h - keeps what nobody shall see where nobody sees it: out of /proc/PID/cmdline and
 * /proc/PID/environ, out of core dumps, and in files that not everyone may read. */
#ifndef APP_SECRETS_H
#define APP_SECRETS_H

#include <stdbool.h>

#include "base/attr.h"

struct err;
struct options;

/* Copies argv and the environment, for whoever reads them from here on (SIGHUP does), and writes
 * *** over the secrets in the bytes that the kernel shows of this process. Before anything else,
 * and before the first thread. NULL: out of memory, and nothing was done. Nothing is ever freed. */
char **secrets_hide(int argc, char *argv[]) MUST_CHECK;

/* No core dump, and nobody but root reads the memory of this process or traces it, unless
 * CORE_DUMPS lets them. */
void secrets_keep_from_dumps(const struct options *options);

/* Logs that event when everyone on this machine may read the file, and says what to do so that this
 * process may still read it. A file that was mounted alone, as a container's secrets are, is passed
 * over; so is none (NULL or ""). */
void secrets_warn_of_file(const char *event, const char *option, const char *path);

/* The same for each file of a secret that the options name, except the files of keys. */
void secrets_warn_of_files(const struct options *options);

/* Can DATABASE_PASSWORD_FILE be read now? For --check-config; a service that runs reads it at each
 * dial, and waits for it. */
bool secrets_check_files(const struct options *options, struct err *err) MUST_CHECK;

#endif

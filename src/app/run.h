/* run.h - the subcommands of the program. Each returns the process's exit code
 * (docs/OPERATIONS.md, "Signals and exit codes"). */
#ifndef APP_RUN_H
#define APP_RUN_H

struct options;

/* Serves until SIGTERM or SIGINT. A second signal ends the draining, and a third one ends the
 * process. argv is kept for SIGHUP, which reads the configuration again and applies the parts that
 * may change: LOG_LEVEL (from its file), the keys, and the TLS files. */
int run_serve(const struct options *options, int argc, char *const argv[]);

/* Migrates the schema and ends. SIGTERM or SIGINT cancels the running statement, and the exit code
 * is then 128 + the signal's number. */
int run_migrate(const struct options *options);

/* Asks the service on this machine whether it is ready: for images without a shell. */
int run_healthcheck(const struct options *options);

/* Reads a key, one line of standard input, and prints its hash for API_KEYS_FILE. `argc` counts the
 * remaining arguments. */
int run_hash_key(int argc);

#endif

/* run.h - runs the subcommands of the program. Each function returns the exit code of the process
 * (docs/OPERATIONS.md, "Signals and exit codes"). */
#ifndef APP_RUN_H
#define APP_RUN_H

struct distribute_options;
struct options;
struct prune_options;

/* Serves until SIGTERM or SIGINT, and then drains. A second signal ends the draining, and a third
 * one ends the process. SIGHUP loads the options again, from the environment and from argv, and
 * applies those that may change: the LOG_LEVEL in LOG_LEVEL_FILE, API keys and TLS files. */
int run_serve(const struct options *options, int argc, char *const argv[]);

/* Migrates the schema. If `partitions` is not 0, a new table is made with so many partitions, and
 * the migration fails if the table exists with another number. If `distribute` wants it, then
 * distributes the orders over a Citus cluster; `partitions` must be 0 then. If `publication` is not
 * NULL, then makes the publication of that name, for which store_publication_name_is_valid() must
 * be true. SIGTERM or SIGINT cancels the running statement. If the migration fails after such a
 * signal, the exit code is 128 + the signal's number. */
int run_migrate(const struct options *options, const char *publication, unsigned partitions,
                const struct distribute_options *distribute);

/* Removes old orders, and prints to standard output how far it has come. SIGTERM or SIGINT ends it;
 * the exit code is then 128 + the signal's number, unless no old order is left. */
int run_prune(const struct options *options, const struct prune_options *prune);

/* Asks the service on this machine whether it is ready. Images without a shell use this. */
int run_healthcheck(const struct options *options);

/* Reads a key, one line of standard input, and prints its hash for API_KEYS_FILE. An argument
 * after the subcommand (argc > 1) is an error, so that nobody passes the key there. */
int run_hash_key(int argc);

#endif

/* main.c - parses the command line. Runs the subcommand, or the flag that only prints something. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/distribute_options.h"
#include "app/memory.h"
#include "app/options.h"
#include "app/prune_options.h"
#include "app/routes.h"
#include "app/run.h"
#include "app/secrets.h"
#include "app/service.h"
#include "app/tls.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "http/http.h"
#include "http/tls/tls.h"
#include "observability/metric_doc.h"
#include "observability/problem_doc.h"
#include "store/store.h"

enum { DOCUMENT_MAX = 256 * 1024 };

enum action {
    ACTION_RUN,
    ACTION_HELP,
    ACTION_VERSION,
    ACTION_CHECK_CONFIG,
    ACTION_PRINT_CONFIG,
    ACTION_CONFIG_DOC,
    ACTION_PROBLEM_DOC,
    ACTION_METRICS_DOC,
};

static const char intro[] =
    "ordersd takes orders over HTTP and answers 201 when PostgreSQL has committed them.\n\n"
    "  ordersd [options]              serve\n"
    "  ordersd migrate [options]      bring the database's schema up and end; with "
    "--publication[=NAME]\n"
    "                                 also publish new orders to other programs "
    "(docs/CONSUMING.md);\n"
    "                                 with --partitions=N make a new table as N hash partitions "
    "by\n"
    "                                 account_id; or with --distribute[=SHARDS] spread the table "
    "over\n"
    "                                 a Citus cluster, --distribute-rows also if it has rows\n"
    "                                 (docs/SCALING.md)\n"
    "  ordersd prune --older-than AGE [--batch N] [--dry-run] [options]\n"
    "                                 remove the orders that were received longer than AGE ago "
    "(400d,\n"
    "                                 at least 30d), N (5000) in a transaction; the dry run only "
    "counts.\n"
    "                                 A removed order that is sent again is stored as a new order\n"
    "  ordersd healthcheck [options]  exit 0 when the service at HTTP_ADDRESS and HTTP_PORT is "
    "ready\n"
    "  ordersd hash-key               read a key, a line of standard input, and print its "
    "sha256:HEX\n"
    "                                 for a line of API_KEYS_FILE: NAME sha256:HEX;\n"
    "                                 openssl rand -hex 32 makes a good key\n"
    "  ordersd --check-config         check the configuration and end\n"
    "  ordersd --print-config         show it, secrets masked\n"
    "  ordersd --config-doc           the manual's page about it, in Markdown\n"
    "  ordersd --problem-doc          the manual's page about refusals, in Markdown\n"
    "  ordersd --metrics-doc          the manual's page about metrics, in Markdown\n"
    "  ordersd --help | --version\n\n"
    "Exit codes: 0, 1 failure, 70 the database's schema is newer than this program, 78 "
    "configuration;\n"
    "of ordersd migrate and ordersd prune also 130 and 143: ended by SIGINT or SIGTERM too "
    "early.\n\n";

/* Removes the flags that are not options, such as --help, from argv. Returns the action of the last
 * flag that was removed, or ACTION_RUN. */
static enum action take_action(int *argc, char *argv[])
{
    static const char *const flags[] = {
        [ACTION_HELP] = "--help",
        [ACTION_VERSION] = "--version",
        [ACTION_CHECK_CONFIG] = "--check-config",
        [ACTION_PRINT_CONFIG] = "--print-config",
        [ACTION_CONFIG_DOC] = "--config-doc",
        [ACTION_PROBLEM_DOC] = "--problem-doc",
        [ACTION_METRICS_DOC] = "--metrics-doc",
    };
    enum action action = ACTION_RUN;
    int kept = 1;
    for (int i = 1; i < *argc; i++) {
        bool taken = false;
        for (enum action a = ACTION_HELP; a <= ACTION_METRICS_DOC && !taken; a++) {
            taken = strcmp(argv[i], flags[a]) == 0;
            action = taken ? a : action;
        }
        if (!taken)
            argv[kept++] = argv[i];
    }
    argv[kept] = NULL;
    *argc = kept;
    return action;
}

/* Removes argv[1] and returns it, if it is not a flag. Otherwise returns "serve". See run(). */
static const char *take_command(int *argc, char *argv[])
{
    if (*argc < 2 || argv[1][0] == '-')
        return "serve";
    const char *command = argv[1];
    memmove(&argv[1], &argv[2], (size_t)(*argc - 1) * sizeof *argv);
    (*argc)--;
    return command;
}

/* Removes FLAG or FLAG=VALUE from argv. Returns VALUE, `alone` if the flag has no value, or NULL if
 * there is no flag. */
static const char *take_flag(int *argc, char *argv[], const char *flag, const char *alone)
{
    const size_t len = strlen(flag);
    const char *value = NULL;
    int kept = 1;
    for (int i = 1; i < *argc; i++) {
        if (strcmp(argv[i], flag) == 0)
            value = alone;
        else if (strncmp(argv[i], flag, len) == 0 && argv[i][len] == '=')
            value = argv[i] + len + 1;
        else
            argv[kept++] = argv[i];
    }
    argv[kept] = NULL;
    *argc = kept;
    return value;
}

static bool check_publication(const char *name, struct err *err)
{
    if (name == NULL || store_publication_name_is_valid(name))
        return true;
    err_set(err, 0,
            "--publication=%.*s: the name must be 1 to %d lower-case letters, digits and "
            "underscores, and begin with no digit",
            STORE_PUBLICATION_NAME_MAX, name, STORE_PUBLICATION_NAME_MAX);
    return false;
}

/* Reads the value of --partitions. NULL, no flag, is 0. */
static bool read_partitions(const char *text, unsigned *partitions, struct err *err)
{
    char *end = NULL;
    const unsigned long n = text != NULL ? strtoul(text, &end, 10) : 0;
    *partitions = (unsigned)n;
    if (text == NULL ||
        (text[0] >= '1' && text[0] <= '9' && *end == '\0' && n <= STORE_PARTITIONS_MAX))
        return true;
    err_set(err, 0, "--partitions=%.20s: the number of partitions must be 1 to %d", text,
            STORE_PARTITIONS_MAX);
    return false;
}

/* What is to be done, and what only this command takes. */
struct command {
    const char *name;
    const char *publication; /* of migrate; NULL: none */
    unsigned partitions;     /* of migrate; 0: none */
    struct distribute_options distribute;
    struct prune_options prune;
};

static bool check_spread(const struct command *command, struct err *err)
{
    if (command->partitions == 0 || !command->distribute.wanted)
        return true;
    err_set(err, 0,
            "--partitions and --distribute exclude each other: a table is either partitioned on "
            "one server or distributed over a Citus cluster");
    return false;
}

/* Removes the arguments of the command from argv. Returns false, with *err, if one is wrong. */
static bool take_arguments(struct command *command, int *argc, char *argv[], struct err *err)
{
    const char *partitions = NULL;
    if (strcmp(command->name, "migrate") == 0) {
        command->publication = take_flag(argc, argv, "--publication", "ordersd");
        partitions = take_flag(argc, argv, "--partitions", "");
        if (!distribute_options_take(&command->distribute, argc, argv, err))
            return false;
    }
    return check_publication(command->publication, err) &&
           read_partitions(partitions, &command->partitions, err) && check_spread(command, err) &&
           (strcmp(command->name, "prune") != 0 ||
            prune_options_take(&command->prune, argc, argv, err));
}

static int print_document(struct buf *out)
{
    bool good = !out->failed && fwrite(out->data, 1, out->len, stdout) == out->len;
    buf_fini(out);
    return good && fflush(stdout) == 0 ? 0 : 1;
}

/* Checks the contents of the files that the options name, for --check-config. */
static int check_files(const struct options *options)
{
    struct http_tls *tls = NULL;
    struct err err = { 0 };
    if (!secrets_check_files(options, &err) || !tls_open(options, &tls, &err)) {
        (void)fprintf(stderr, "ordersd: configuration: %s\n", err.text);
        return EXIT_CONFIG;
    }
    http_tls_close(&tls);
    (void)printf("the configuration is good\n");
    return 0;
}

static int run_action(enum action action, const struct options *options)
{
    struct buf out = BUF_INIT(DOCUMENT_MAX);
    switch (action) {
    case ACTION_HELP:
        buf_add_str(&out, intro);
        conf_help(&options_table, &out);
        break;
    case ACTION_VERSION:
        buf_printf(&out, "ordersd %s (%s)\n", ORDERSD_VERSION, ORDERSD_COMPILER);
        break;
    case ACTION_CONFIG_DOC:
        buf_add_str(&out, "# Configuration\n\n");
        conf_markdown(&options_table, &out);
        break;
    case ACTION_PROBLEM_DOC:
        problem_doc(&out);
        break;
    case ACTION_METRICS_DOC:
        metric_doc(routes, routes_count, &out);
        break;
    case ACTION_PRINT_CONFIG:
        conf_print(&options_table, options, &out);
        break;
    case ACTION_CHECK_CONFIG:
        return check_files(options);
    case ACTION_RUN:
        break;
    }
    return print_document(&out);
}

static bool check_hosts(const struct options *options, struct err *err)
{
    struct err why = { 0 };
    if (http_hosts_check(options->http.allowed_hosts, &why))
        return true;
    err_set(err, 0, "HTTP_ALLOWED_HOSTS: %s", why.text);
    return false;
}

static bool check_keys(const struct options *options, struct err *err)
{
    struct http_keys_info info;
    struct err why = { 0 };
    if (options->auth != OPTIONS_AUTH_KEYS || http_keys_check(options->api_keys_file, &info, &why))
        return true;
    err_set(err, 0, "API_KEYS_FILE=%s", why.text); /* the text begins with the path */
    return false;
}

static bool check_memory(const struct options *options, struct err *err)
{
    struct memory_plan plan;
    return memory_plan(options, &plan, err);
}

/* Checks the options that the command uses: the files and addresses that they name, and the memory
 * that they require. Returns false, with *err, if one is wrong. */
static bool check_options(const struct options *options, bool serves, bool connects,
                          struct err *err)
{
    return (!connects || service_check_database(options, err)) &&
           (!serves ||
            (check_memory(options, err) && check_keys(options, err) && check_hosts(options, err)));
}

static int run(const struct command *command, const struct options *options, int argc,
               char *const argv[])
{
    const char *name = command->name;
    if (strcmp(name, "serve") == 0)
        return run_serve(options, argc, argv);
    if (strcmp(name, "migrate") == 0)
        return run_migrate(options, command->publication, command->partitions,
                           &command->distribute);
    if (strcmp(name, "prune") == 0)
        return run_prune(options, &command->prune);
    if (strcmp(name, "healthcheck") == 0)
        return run_healthcheck(options);
    (void)fprintf(stderr, "ordersd: no command '%.*s'; try ordersd --help\n",
                  (int)strcspn(name, ":@="), name); /* stops before the password of a URL */
    return EXIT_CONFIG;
}

static void start_log(const struct options *options)
{
    bool text = options->log.format == OPTIONS_LOG_TEXT ||
                (options->log.format == OPTIONS_LOG_AUTO && isatty(STDERR_FILENO));
    log_init((enum log_level)options->log.level, text ? LOG_AS_TEXT : LOG_AS_JSON);
}

int main(int argc, char *given[])
{
    static struct options options;
    struct err err = { 0 };
    memory_prepare();
    char **argv = secrets_hide(argc, given);
    if (argv == NULL) {
        (void)fprintf(stderr, "ordersd: out of memory\n");
        return 1;
    }
    enum action action = take_action(&argc, argv);
    if (action == ACTION_HELP || action == ACTION_VERSION || action == ACTION_CONFIG_DOC ||
        action == ACTION_PROBLEM_DOC || action == ACTION_METRICS_DOC)
        return run_action(action, &options);
    struct command command = { .name = take_command(&argc, argv) };
    if (action == ACTION_RUN && strcmp(command.name, "hash-key") == 0)
        return run_hash_key(argc);
    const bool serves = action == ACTION_CHECK_CONFIG || strcmp(command.name, "serve") == 0;
    const bool connects =
        serves || strcmp(command.name, "migrate") == 0 || strcmp(command.name, "prune") == 0;
    if (!take_arguments(&command, &argc, argv, &err) ||
        !options_load(&options, argc, argv, environ, &err) ||
        !check_options(&options, serves, connects, &err)) {
        (void)fprintf(stderr, "ordersd: configuration: %s\n", err.text);
        return EXIT_CONFIG;
    }
    if (action != ACTION_RUN)
        return run_action(action, &options);
    start_log(&options);
    secrets_keep_from_dumps(&options);
    json_object_seed(0); /* before any thread, because its first call is not thread-safe */
    return run(&command, &options, argc, argv);
}

/* The command line: what the program says of its configuration, what it refuses to start with, and
 * the subcommands. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "service_rig.h"

enum { EXIT_SCHEMA_TOO_NEW = 70, EXIT_CONFIG = 78 };

/* Runs the program to its end: this exit status, and each of the texts (ends with NULL) in what it
 * wrote. */
static void expect_run(struct cluster *cluster, const char *const settings[],
                       const char *const args[], int want, const char *const texts[])
{
    char *output;
    int status = rig_run(cluster, settings, args, &output);
    cr_expect_eq(status, want, "exit %d, not %d: %s", status, want, output);
    for (size_t i = 0; texts != NULL && texts[i] != NULL; i++)
        cr_expect_not_null(strstr(output, texts[i]), "no '%s' in: %s", texts[i], output);
    free(output);
}

/* ---- refused at start ---- */

Test(config, a_bad_value_is_refused_with_its_bounds, .timeout = TEST_S)
{
    /* clang-format off */
    static const struct {
        const char *setting, *flag, *bounds;
    } bad[] = {
        { "HTTP_PORT=65536",              "--http-port=65536",              "0 to 65535" },
        { "ORDERS_WORKERS=4x",            "--orders-workers=4x",            "1 to 256" },
        { "ORDERS_WORKERS=",              "--orders-workers=",              "1 to 256" },
        { "ORDERS_COMMIT_TIMEOUT=99ms",   "--orders-commit-timeout=99ms",   "100ms to 10m" },
        { "ORDERS_COMMIT_TIMEOUT=1d",     "--orders-commit-timeout=1d",     "100ms to 10m" },
        { "HTTP_MAX_BODY=1023",           "--http-max-body=1023",           "1KiB to 1GiB" },
        { "HTTP_MAX_BODY=1TB",            "--http-max-body=1TB",            "1KiB to 1GiB" },
        { "LOG_LEVEL=loud",               "--log-level=loud",               "error, warn, info or debug" },
        { "DATABASE_WARMUP=maybe",        "--database-warmup=maybe",        "true or false" },
        { "HTTP_ADDRESS=localhost",       "--http-address=localhost",       "an IPv4 or IPv6 address" },
        { "HTTP_ADDRESS=0.0.0.0",         "--http-address=0.0.0.0",         "AUTH=none" },
        { "HTTP_ADDRESS=::",              "--http-address=::",              "AUTH=none" },
        { "DATABASE_RETRY_BACKOFF_MULTIPLIER=0.9", "--database-retry-backoff-multiplier=0.9", "1 to 10" },
        { "ORDERS_GROUP_MAX=10001",       "--orders-group-max=10001",       "1 to 10000 orders" },
    };
    /* clang-format on */
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *const given[] = { bad[i].setting, NULL }, *const flags[] = { bad[i].flag,
                                                                                 NULL };
        expect_run(NULL, given, NULL, EXIT_CONFIG, LIST(bad[i].setting, bad[i].bounds));
        expect_run(NULL, NULL, flags, EXIT_CONFIG, LIST(strchr(bad[i].flag, '='), bad[i].bounds));
    }
}

/* Faults that no restart corrects end with 78, after which systemd does not restart, whichever
 * command found them. */
Test(config, a_database_that_cannot_be_dialled_is_refused, .timeout = TEST_S)
{
    /* clang-format off */
    static const char *const bad[][2] = {
        { "DATABASE_URL=nonsense",                "DATABASE_URL: a word without \"=\"; it must be a URI" },
        { "DATABASE_URL=postgresql://h:xx/d",     "DATABASE_URL: port: must be a port, 1 to 65535" },
        { "DATABASE_URL=host=h port=xx",          "DATABASE_URL: port=xx: must be a port, 1 to 65535" },
        { "DATABASE_URL=host=h prot=5432",        "DATABASE_URL: the keyword prot is unknown; say port" },
        { "DATABASE_URL=host=h sslmode=foo",      "DATABASE_URL: sslmode=foo: must be disable, allow" },
        { "DATABASE_URL=service=nowhere",         "DATABASE_URL: service=nowhere: " },
        { "DATABASE_URL=host=h sslmode=verify-full sslrootcert=/nowhere", "DATABASE_URL: sslrootcert=/nowhere: cannot read it" },
        { "PGTARGETSESSIONATTRS=master",          "configuration: PGTARGETSESSIONATTRS=master: must be any" },
    };
    /* clang-format on */
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *const given[] = { bad[i][0], NULL };
        expect_run(NULL, given, LIST("--check-config"), EXIT_CONFIG, LIST(bad[i][1]));
        expect_run(NULL, given, NULL, EXIT_CONFIG, LIST(bad[i][1]));
        expect_run(NULL, given, LIST("migrate"), EXIT_CONFIG, LIST(bad[i][1]));
    }
}

Test(config, options_that_contradict_each_other_are_refused, .timeout = TEST_S)
{
    expect_run(NULL, LIST("DATABASE_MIN_POOL_SIZE=9"), NULL, EXIT_CONFIG,
               LIST("DATABASE_MIN_POOL_SIZE=9 ", "DATABASE_MAX_POOL_SIZE=8"));
    expect_run(NULL, LIST("DATABASE_PASSWORD=geheim", "DATABASE_PASSWORD_FILE=/dev/null"), NULL,
               EXIT_CONFIG, LIST("DATABASE_PASSWORD=***", "DATABASE_PASSWORD_FILE=/dev/null"));
    expect_run(NULL, LIST("DATABASE_URL_FILE=/nowhere"), NULL, EXIT_CONFIG,
               LIST("DATABASE_URL_FILE=/nowhere", "No such file"));
}

Test(config, what_is_no_option_is_refused, .timeout = TEST_S)
{
    expect_run(NULL, NULL, LIST("--http-prot=1"), EXIT_CONFIG, LIST("did you mean --http-port?"));
    expect_run(NULL, NULL, LIST("--http-port"), EXIT_CONFIG, LIST("a value is missing"));
    expect_run(NULL, NULL, LIST("frobnicate"), EXIT_CONFIG, LIST("no command 'frobnicate'"));
}

/* ---- what it says ---- */

Test(config, is_judged_without_starting, .timeout = TEST_S)
{
    expect_run(NULL, NULL, LIST("--check-config"), 0, LIST("good"));
    expect_run(NULL, LIST("HTTP_ADDRESS=0.0.0.0", "AUTH=none"), LIST("--check-config"), 0, NULL);
    expect_run(NULL, LIST("HTTP_ADDRESS=127.9.9.9"), LIST("--check-config"), 0, NULL);
    expect_run(NULL, LIST("LOG_LEVEL=loud"), LIST("--check-config"), EXIT_CONFIG, NULL);
}

Test(config, is_printed_without_its_secrets, .timeout = TEST_S)
{
    char *output;
    int status = rig_run(NULL,
                         LIST("DATABASE_URL=postgres://u:geheim@h/d", "DATABASE_PASSWORD=geheim",
                              "HTTP_PORT=1234", "ORDERS_COMMIT_TIMEOUT=2m"),
                         LIST("--print-config", "--http-max-body=64KiB"), &output);
    cr_expect_eq(status, 0);
    cr_expect_null(strstr(output, "geheim"));
    static const char *const lines[] = { "DATABASE_URL=***\n",  "DATABASE_PASSWORD=***\n",
                                         "HTTP_PORT=1234\n",    "ORDERS_COMMIT_TIMEOUT=2m\n",
                                         "HTTP_MAX_BODY=64KiB", "DATABASE_PASSWORD_FILE=\n" };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        cr_expect_not_null(strstr(output, lines[i]), "no '%s' in: %s", lines[i], output);
    free(output);
}

Test(config, is_explained, .timeout = TEST_S)
{
    expect_run(
        NULL, NULL, LIST("--help"), 0,
        LIST("ordersd migrate", "Exit codes", "--orders-commit-timeout=DURATION", "100ms to 10m"));
    expect_run(NULL, NULL, LIST("--version"), 0, LIST("ordersd 0."));
}

static char *read_file(const char *path)
{
    struct buf text = BUF_INIT(1 << 20);
    FILE *file = fopen(path, "re");
    cr_assert_not_null(file, "%s", path);
    for (int c; (c = fgetc(file)) != EOF;)
        buf_add_char(&text, (char)c);
    fclose(file);
    size_t len;
    return buf_steal(&text, &len);
}

/* `path` is what the program prints for that flag. */
static void expect_current(const char *path, const char *flag)
{
    char *output, *manual = read_file(path);
    cr_expect_eq(rig_run(NULL, NULL, LIST(flag), &output), 0);
    cr_expect(strcmp(output, manual) == 0, "make it anew: ordersd %s", flag);
    free(manual);
    free(output);
}

Test(config, its_manual_is_up_to_date, .timeout = TEST_S)
{
    expect_current(SOURCE_DIR "/docs/CONFIGURATION.md", "--config-doc");
}

Test(config, the_manual_of_refusals_is_up_to_date, .timeout = TEST_S)
{
    expect_current(SOURCE_DIR "/docs/PROBLEMS.md", "--problem-doc");
}

Test(config, the_manual_of_metrics_is_up_to_date, .timeout = TEST_S)
{
    expect_current(SOURCE_DIR "/docs/METRICS.md", "--metrics-doc");
}

/* ---- starting and subcommands ---- */

Test(config, a_port_in_use_is_named, .timeout = TEST_S)
{
    struct rig rig = rig_open(NULL);
    char *port = support_text("HTTP_PORT=%d", daemon_port(rig.daemon));
    expect_run(rig.cluster, LIST(port), NULL, 1,
               LIST("service.cannot_start", "127.0.0.1", port + strlen("HTTP_PORT="),
                    "ddress already in use"));
    free(port);
    rig_close(&rig);
}

Test(config, no_database_may_be_a_reason_not_to_start, .timeout = TEST_S)
{
    expect_run(NULL, LIST("DATABASE_URL=host=/nowhere", "DATABASE_START=fail"), NULL, 1,
               LIST("service.cannot_start", "/nowhere"));
}

Test(config, the_schema_is_brought_up, .timeout = TEST_S)
{
    struct cluster *cluster = cluster_open(NULL);
    expect_run(cluster, NULL, LIST("migrate"), 0, LIST("schema.ready"));
    expect_run(cluster, NULL, LIST("migrate"), 0, LIST("schema.ready"));
    cr_expect_eq(cluster_query_int(cluster, "SELECT count(*) FROM orders"), 0);

    cluster_exec(cluster, "INSERT INTO ordersd_migrations (version, name) "
                          "SELECT max(version) + 1, 'to come' FROM ordersd_migrations");
    expect_run(cluster, NULL, LIST("migrate"), EXIT_SCHEMA_TOO_NEW, LIST("this program knows"));
    expect_run(cluster, NULL, NULL, EXIT_SCHEMA_TOO_NEW, LIST("schema.too_new"));
    expect_run(cluster, LIST("DATABASE_MIGRATE=false"), NULL, EXIT_SCHEMA_TOO_NEW,
               LIST("schema.too_new"));
    cluster_close(&cluster);
}

Test(config, migrate_makes_a_publication, .timeout = TEST_S)
{
    struct cluster *cluster = cluster_open(NULL);
    const char *const made[] = { "publication.ready", "made", "publication.not_readable", NULL };
    expect_run(cluster, NULL, LIST("migrate", "--publication"), 0, made);
    expect_run(cluster, NULL, LIST("migrate", "--publication=ordersd"), 0,
               LIST("publication.ready", "it was there already"));
    cr_expect_eq(cluster_query_int(cluster, "SELECT count(*) FROM pg_publication_tables "
                                            "WHERE pubname = 'ordersd' AND tablename = 'orders'"),
                 1);
    cluster_exec(cluster, "CREATE PUBLICATION other FOR TABLE orders");
    expect_run(cluster, NULL, LIST("migrate", "--publication=other"), 1,
               LIST("schema.ready", "publication.failed", "other settings"));
    expect_run(cluster, NULL, LIST("migrate", "--publication=Orders"), EXIT_CONFIG,
               LIST("--publication=Orders", "lower-case"));
    expect_run(cluster, NULL, LIST("--publication"), EXIT_CONFIG, LIST("--publication"));
    cluster_close(&cluster);
}

Test(config, migrate_says_why_it_cannot, .timeout = TEST_S)
{
    expect_run(NULL, LIST("DATABASE_URL=host=/nowhere"), LIST("migrate"), 1,
               LIST("schema.failed", "/nowhere"));
}

/* Asks the daemon as a container would. */
static void expect_health(struct rig *rig, int status, const char *says)
{
    char *port = support_text("HTTP_PORT=%d", daemon_port(rig->daemon));
    expect_run(NULL, LIST(port), LIST("healthcheck"), status, LIST(says));
    free(port);
}

Test(config, health_is_an_exit_status, .timeout = TEST_S)
{
    struct rig rig = rig_open(NULL);
    expect_health(&rig, 0, "pass");
    cluster_stop(rig.cluster, CLUSTER_FAST);
    cr_assert(daemon_wait_status(rig.daemon, "/health/ready", 503, SOON_S));
    expect_health(&rig, 1, "fail");
    cr_expect_eq(daemon_stop(rig.daemon), 0);
    expect_health(&rig, 1, "nothing answers");
    rig_close(&rig);
}

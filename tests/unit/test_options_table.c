#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <ctype.h>

#include "app/options.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/conf_value.h"
#include "base/err.h"
#include "base/log.h"
#include "pqpool/pqpool.h"

static char *none[] = { NULL };

static struct options defaults(void)
{
    struct options options;
    struct err err = { 0 };
    cr_assert(options_load(&options, 0, none, none, &err), "%s", err.text);
    return options;
}

/* ---- the rows ---- */

static void expect_row(const struct conf_opt *opt)
{
    _Alignas(8) char member[8192];
    cr_assert_leq(opt->size, sizeof member);
    cr_expect(conf_parse(opt, opt->def, member), "default of %s", opt->name);

    size_t len = strlen(opt->doc);
    cr_expect(isupper((unsigned char)opt->doc[0]), "%s: a sentence", opt->name);
    cr_expect_eq(opt->doc[len - 1], '.', "%s: a sentence", opt->name);
    cr_expect(strstr(opt->doc, ". ") == NULL, "%s: one sentence", opt->name);
    cr_expect(strpbrk(opt->doc, "|\n") == NULL, "%s: a cell of a table", opt->name);
    cr_expect_eq(opt->name[strspn(opt->name, "abcdefghijklmnopqrstuvwxyz_")], '\0', "%s",
                 opt->name);
}

Test(options, every_row_is_sound)
{
    cr_expect_not_null(options_table.opts[0].group);
    for (size_t i = 0; i < options_table.n_opts; i++)
        expect_row(&options_table.opts[i]);
}

Test(options, numbers_have_bounds)
{
    for (size_t i = 0; i < options_table.n_opts; i++) {
        const struct conf_opt *opt = &options_table.opts[i];
        bool number = opt->type == CONF_UINT || opt->type == CONF_DOUBLE ||
                      opt->type == CONF_DURATION || opt->type == CONF_SIZE;
        cr_expect_eq(opt->max > opt->min, number, "%s", opt->name);
        cr_expect_geq(opt->min, 0, "%s", opt->name);
        cr_expect_eq(opt->words != NULL, opt->type == CONF_ENUM, "%s", opt->name);
    }
}

Test(options, names_and_members_are_unique)
{
    for (size_t i = 0; i < options_table.n_opts; i++)
        for (size_t j = 0; j < i; j++) {
            const struct conf_opt *a = &options_table.opts[i], *b = &options_table.opts[j];
            cr_expect_str_neq(a->name, b->name);
            cr_expect(a->off >= b->off + b->size || b->off >= a->off + a->size, "%s and %s",
                      a->name, b->name);
        }
}

Test(options, every_member_has_a_row)
{
    size_t end = 0;
    for (size_t i = 0; i < options_table.n_opts; i++) {
        const struct conf_opt *opt = &options_table.opts[i];
        cr_expect_geq(opt->off, end, "%s: rows in the order of the members", opt->name);
        cr_expect_lt(opt->off - end, 8, "a member before %s has no row", opt->name);
        end = opt->off + opt->size;
    }
    cr_expect_lt(sizeof(struct options) - end, 8, "the last member has no row");
}

/* ---- values ---- */

Test(options, defaults_are_those_of_the_design)
{
    struct options o = defaults();
    cr_expect_eq(o.pool.min_pool_size, 10);
    cr_expect_eq(o.pool.max_pool_size, 100);
    cr_expect_eq(o.pool.acquire_timeout_ns, 5 * NS_PER_S);
    cr_expect_eq(o.pool.validation_bypass_ns, 500 * NS_PER_MS);
    cr_expect_str_eq(o.pool.validation_query, "SELECT 1");
    cr_expect_eq(o.database.start, OPTIONS_START_DEGRADED);
    cr_expect_str_eq(o.http.address, "127.0.0.1");
    cr_expect_eq(o.http.port, 8080);
    cr_expect_eq(o.http.max_body_bytes, 4 << 20);
    cr_expect_eq(o.auth, OPTIONS_AUTH_UNSET);
    cr_expect_str_eq(o.api_keys_file, "");
    cr_expect_not(o.auth_metrics);
    cr_expect_eq(o.orders.queue_capacity, 65536);
    cr_expect_eq(o.orders.queue_max_bytes, 256 << 20);
    cr_expect_eq(o.orders.group_max, 512);
    cr_expect_eq(o.orders.commit_timeout_ns, 10 * NS_PER_S);
    cr_expect_eq(o.shutdown.timeout_ns, 25 * NS_PER_S);
    cr_expect_eq(o.log.level, LOG_INFO);
    cr_expect_eq(o.log.format, OPTIONS_LOG_AUTO);
}

Test(options, the_pools_defaults_are_those_of_the_pool)
{
    struct options o = defaults();
    const struct pqpool_options pool = PQPOOL_OPTIONS_DEFAULT;
#define PQPOOL_COUNT(name, ...) cr_expect_eq(o.pool.name, pool.name, #name);
#define PQPOOL_SWITCH PQPOOL_COUNT
#define PQPOOL_FACTOR(name, ...) cr_expect_float_eq(o.pool.name, pool.name, 1e-9, #name);
#define PQPOOL_SPAN(name, ...) cr_expect_eq(o.pool.name##_ns, pool.name##_ns, #name);
#define PQPOOL_QUERY(name, ...) cr_expect_str_eq(o.pool.name, pool.name, #name);
#include "pqpool/options.def"
}

Test(options, environment_and_flags)
{
    static char *argv[] = { "ordersd", "--log-level=debug", "--orders-workers", "7", NULL };
    static char *env[] = { "DATABASE_URL=postgresql:///x", "ORDERS_WORKERS=9",
                           "ORDERS_QUEUE_MAX_BYTES=1GiB", "HTTP_READ_TIMEOUT=2.5", NULL };
    struct options o;
    struct err err = { 0 };
    cr_assert(options_load(&o, 4, argv, env, &err), "%s", err.text);
    cr_expect_str_eq(o.database.url, "postgresql:///x");
    cr_expect_eq(o.log.level, LOG_DEBUG);
    cr_expect_eq(o.orders.workers, 7);
    cr_expect_eq(o.orders.queue_max_bytes, 1 << 30);
    cr_expect_eq(o.http.read_timeout_ns, 2500 * NS_PER_MS);
}

/* ---- what options owe each other; want: "" is good, else a part of the error ---- */

struct check_case {
    char env[2][48], want[100];
};

ParameterizedTestParameters(options, check)
{
    /* clang-format off */
    static struct check_case cases[] = {
        { { "DATABASE_MIN_POOL_SIZE=5", "DATABASE_MAX_POOL_SIZE=5" }, "" },
        { { "DATABASE_MIN_POOL_SIZE=6", "DATABASE_MAX_POOL_SIZE=5" },
          "DATABASE_MIN_POOL_SIZE=6 is more than DATABASE_MAX_POOL_SIZE=5" },
        { { "DATABASE_MAX_POOL_SIZE=5", "" },
          "DATABASE_MIN_POOL_SIZE=10 is more than DATABASE_MAX_POOL_SIZE=5" },
        { { "DATABASE_INITIAL_RETRY_DELAY=3s", "DATABASE_MAX_RETRY_DELAY=2s" },
          "DATABASE_INITIAL_RETRY_DELAY=3s is more than DATABASE_MAX_RETRY_DELAY=2s" },
        { { "DATABASE_HEALTH_CHECK_TIMEOUT=10", "" }, "" },
        { { "DATABASE_HEALTH_CHECK_TIMEOUT=11", "" },
          "DATABASE_HEALTH_CHECK_TIMEOUT=11s is more than DATABASE_HEALTH_CHECK_INTERVAL=10s" },
        { { "HTTP_MAX_BODY=1GiB", "" }, "HTTP_MAX_BODY=1GiB is more than HTTP_BODIES_MAX=256MiB" },
        { { "ORDERS_QUEUE_CAPACITY=512", "" }, "" },
        { { "ORDERS_QUEUE_CAPACITY=511", "" },
          "ORDERS_GROUP_MAX=512 is more than ORDERS_QUEUE_CAPACITY=511" },
        { { "ORDERS_QUEUE_WAIT_MAX=11s", "" },
          "ORDERS_QUEUE_WAIT_MAX=11s is more than ORDERS_COMMIT_TIMEOUT=10s" },
        { { "SHUTDOWN_DELAY=26", "" }, "SHUTDOWN_DELAY=26s is more than SHUTDOWN_TIMEOUT=25s" },

        { { "HTTP_ADDRESS=127.9.9.9", "" }, "" },
        { { "HTTP_ADDRESS=::1", "" }, "" },
        { { "HTTP_ADDRESS=::ffff:127.0.0.1", "" }, "" },
        { { "HTTP_ADDRESS=0.0.0.0", "" }, "HTTP_ADDRESS=0.0.0.0 is not loopback and AUTH=unset" },
        { { "HTTP_ADDRESS=128.0.0.1", "" }, "not loopback" },
        { { "HTTP_ADDRESS=::", "" }, "not loopback" },
        { { "HTTP_ADDRESS=::2", "AUTH=unset" }, "not loopback" },
        { { "HTTP_ADDRESS=::ffff:10.0.0.1", "" }, "not loopback" },
        { { "HTTP_ADDRESS=0.0.0.0", "AUTH=none" }, "" },
        { { "HTTP_ADDRESS=::", "AUTH=none" }, "" },
        { { "HTTP_ADDRESS=localhost", "AUTH=none" }, "HTTP_ADDRESS=localhost: must be an IPv4" },
        { { "HTTP_ADDRESS=", "" }, "HTTP_ADDRESS=: must be an IPv4" },

        { { "HTTP_ADDRESS=0.0.0.0", "" }, "say AUTH=keys to ask for a key of API_KEYS_FILE, or AUTH=none" },
        { { "AUTH=keys", "API_KEYS_FILE=/x" }, "" },
        { { "AUTH=keys", "" }, "AUTH=keys and API_KEYS_FILE=: name the file that holds the keys" },
        { { "API_KEYS_FILE=/x", "" }, "API_KEYS_FILE=/x and AUTH=unset: say AUTH=keys" },
        { { "API_KEYS_FILE=/x", "AUTH=none" }, "API_KEYS_FILE=/x and AUTH=none: say AUTH=keys" },
        { { "AUTH_METRICS=true", "" }, "AUTH_METRICS=true and AUTH=unset: only AUTH=keys asks for a key" },
        { { "AUTH_METRICS=true", "AUTH=none" }, "AUTH_METRICS=true and AUTH=none" },
        { { "AUTH_METRICS=false", "AUTH=none" }, "" },
        { { "AUTH=secret", "" }, "unset, none or keys" },

        { { "DATABASE_PASSWORD=hunter2", "" }, "" },
        { { "DATABASE_PASSWORD_FILE=/run/x", "" }, "" },
        { { "DATABASE_PASSWORD=hunter2", "DATABASE_PASSWORD_FILE=/run/x" },
          "DATABASE_PASSWORD=*** and DATABASE_PASSWORD_FILE=/run/x are both set" },
    };
    /* clang-format on */
    return cr_make_param_array(struct check_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct check_case *c, options, check, .timeout = 60)
{
    char *env[] = { c->env[0], c->env[1], NULL };
    struct options o;
    struct err err = { 0 };
    memset(&o, 0x5A, sizeof o);
    cr_expect_eq(options_load(&o, 0, none, env, &err), c->want[0] == '\0', "%s", err.text);
    if (c->want[0] != '\0') {
        cr_expect(strstr(err.text, c->want) != NULL, "%s", err.text);
        cr_expect_eq(o.http.port, 0x5A5A5A5A, "written on failure");
    }
}

/* ---- the documents ---- */

Test(options, documents_are_whole)
{
    struct options o = defaults();
    struct buf out = BUF_INIT(1 << 20);
    conf_help(&options_table, &out);
    cr_expect_not(out.failed);
    for (const char *line = out.data; *line != '\0'; line += strcspn(line, "\n") + 1)
        cr_expect_leq(strcspn(line, "\n"), 100);

    buf_clear(&out);
    conf_markdown(&options_table, &out);
    cr_expect_not(out.failed);
    for (size_t i = 0; i < options_table.n_opts; i++) {
        char memory[80];
        struct buf cell = BUF_OVER(memory);
        buf_add_str(&cell, "| `");
        conf_show_env(options_table.opts[i].name, &cell);
        cr_expect(strstr(out.data, cell.data) != NULL, "%s", cell.data);
    }

    buf_clear(&out);
    (void)snprintf(o.database.url, sizeof o.database.url, "postgresql://u:hunter2@h/");
    conf_print(&options_table, &o, &out);
    cr_expect(strstr(out.data, "hunter2") == NULL);
    cr_expect(strstr(out.data, "\nHTTP_MAX_BODY=4MiB\n") != NULL, "%s", out.data);
    buf_fini(&out);
}

/* ---- loops ---- */

Test(options, loops_follow_the_processors)
{
    static const struct {
        uint32_t cores, loops;
    } cases[] = { { 1, 1 }, { 2, 1 }, { 3, 1 }, { 4, 2 }, { 7, 3 }, { 16, 8 }, { 64, 8 } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_expect_eq(options_loops(cases[i].cores), cases[i].loops, "%u", cases[i].cores);
    struct options options = defaults();
    cr_expect_geq(options.http.threads, 1);
    char *env[] = { "HTTP_THREADS=5", NULL };
    struct err err = { 0 };
    cr_assert(options_load(&options, 0, none, env, &err), "%s", err.text);
    cr_expect_eq(options.http.threads, 5);
}

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/conf.h"
#include "base/conf_value.h"
#include "base/err.h"

struct settings {
    bool access_log;
    uint32_t http_port;
    double factor;
    int64_t wait_max;
    uint64_t body_max;
    char database_url[16];
    char comment[8];
    int colour;
    uint32_t port_max;
};

static const char *const colours[] = { "red", "green", "blue", NULL };

#define AT(type_, member)                                                                          \
    .name = #member, .type = (type_), .off = offsetof(struct settings, member),                    \
    .size = sizeof((struct settings *)0)->member

/* clang-format off */
static const struct conf_opt opts[] = {
    { AT(CONF_BOOL, access_log), .group = "First", .def = "off", .doc = "Log each request." },
    { AT(CONF_UINT, http_port), .def = "8080", .min = 1, .max = 65535, .doc = "The port." },
    { AT(CONF_DOUBLE, factor), .def = "2.0", .min = 1000, .max = 10000, .doc = "A factor." },
    { AT(CONF_DURATION, wait_max), .def = "0.5", .min = NS_PER_MS, .max = 3600 * NS_PER_S, .doc = "A wait." },
    { AT(CONF_SIZE, body_max), .def = "4MiB", .min = 1024, .max = INT64_C(1) << 30, .doc = "A size." },
    { AT(CONF_STRING, database_url), .group = "Second", .def = "", .flags = CONF_SECRET | CONF_FILE, .doc = "A secret." },
    { AT(CONF_STRING, comment), .def = "hello", .flags = CONF_RELOAD, .doc = "A text." },
    { AT(CONF_ENUM, colour), .def = "green", .words = colours, .doc = "A colour." },
    { AT(CONF_UINT, port_max), .def = "9000", .unit = "ports", .min = 0, .max = UINT32_MAX, .doc = "Another port." },
};
/* clang-format on */

static const struct conf_table table = { .opts = opts,
                                         .n_opts = sizeof opts / sizeof opts[0],
                                         .program = "prog" };

static char *none[] = { NULL };

static struct settings defaults(void)
{
    struct settings settings;
    struct err err = { 0 };
    cr_assert(conf_load(&table, &settings, 0, none, none, &err), "%s", err.text);
    return settings;
}

Test(conf, defaults)
{
    struct settings got = defaults();
    cr_expect_not(got.access_log);
    cr_expect_eq(got.http_port, 8080);
    cr_expect(got.factor >= 2.0 && got.factor <= 2.0);
    cr_expect_eq(got.wait_max, 500 * NS_PER_MS);
    cr_expect_eq(got.body_max, 4 << 20);
    cr_expect_str_eq(got.database_url, "");
    cr_expect_str_eq(got.comment, "hello");
    cr_expect_eq(got.colour, 1);
}

/* shown: as conf_print() writes it; "": refused. */
struct value_case {
    char name[16], text[32], shown[32];
};

ParameterizedTestParameters(conf, set)
{
    /* clang-format off */
    static struct value_case cases[] = {
        { "access_log", "true", "true" },    { "access_log", "on", "true" },
        { "access_log", "yes", "true" },     { "access_log", "1", "true" },
        { "access_log", "false", "false" },  { "access_log", "off", "false" },
        { "access_log", "no", "false" },     { "access_log", "0", "false" },
        { "access_log", "maybe", "" },       { "access_log", "TRUE", "" },
        { "access_log", "", "" },

        { "http_port", "1", "1" },           { "http_port", "0", "" },
        { "http_port", "65535", "65535" },   { "http_port", "65536", "" },
        { "http_port", "080", "80" },        { "http_port", "", "" },
        { "http_port", "-1", "" },           { "http_port", "+1", "" },
        { "http_port", " 1", "" },           { "http_port", "1 ", "" },
        { "http_port", "0x50", "" },         { "http_port", "8e1", "" },
        { "port_max", "4294967295", "4294967295" },
        { "port_max", "4294967296", "" },    { "port_max", "18446744073709551617", "" },

        { "factor", "1", "1" },              { "factor", "0.999", "" },
        { "factor", "10", "10" },            { "factor", "10.001", "" },
        { "factor", "1.5", "1.5" },          { "factor", "2.", "2" },
        { "factor", "nan", "" },             { "factor", "inf", "" },
        { "factor", "0x2", "" },             { "factor", "2e0", "" },
        { "factor", "1.2.3", "" },           { "factor", "", "" },
        { "factor", ".5", "" },              { "factor", "-2", "" },

        { "wait_max", "1ms", "1ms" },        { "wait_max", "999us", "" },
        { "wait_max", "1h", "1h" },          { "wait_max", "3600.000001", "" },
        { "wait_max", "0.1", "100ms" },      { "wait_max", "90", "90s" },
        { "wait_max", "2m", "2m" },          { "wait_max", "0.25h", "15m" },
        { "wait_max", "1500us", "1500us" },  { "wait_max", "1.5us", "" },
        { "wait_max", "0.0010000019", "0.001000001" },
        { "wait_max", "1.00000000000000000000009", "1s" },
        { "wait_max", "0", "" },             { "wait_max", "", "" },
        { "wait_max", "5.", "" },            { "wait_max", ".5", "" },
        { "wait_max", "5 s", "" },           { "wait_max", "5d", "" },
        { "wait_max", "-5", "" },            { "wait_max", "s", "" },
        { "wait_max", "5sec", "" },          { "wait_max", "1.s", "" },
        { "wait_max", "9223372036854775807h", "" },
        { "wait_max", "9223372036.9", "" },

        { "body_max", "1024", "1KiB" },      { "body_max", "1023", "" },
        { "body_max", "1GiB", "1GiB" },      { "body_max", "1073741825", "" },
        { "body_max", "1536KiB", "1536KiB" },{ "body_max", "2048KiB", "2MiB" },
        { "body_max", "1025", "1025" },      { "body_max", "1.5MiB", "" },
        { "body_max", "4MB", "" },           { "body_max", "4M", "" },
        { "body_max", "KiB", "" },           { "body_max", "", "" },
        { "body_max", "9223372036854775807GiB", "" },

        { "comment", "1234567", "1234567" }, { "comment", "12345678", "" },
        { "colour", "red", "red" },          { "colour", "blue", "blue" },
        { "colour", "Red", "" },             { "colour", "re", "" },
        { "colour", "", "" },
    };
    /* clang-format on */
    return cr_make_param_array(struct value_case, cases, sizeof cases / sizeof cases[0]);
}

static bool prints(const struct settings *settings, const char *line)
{
    struct buf out = BUF_INIT(10000);
    buf_add_char(&out, '\n');
    conf_print(&table, settings, &out);
    cr_assert_not(out.failed);
    bool found = strstr(out.data, line) != NULL;
    buf_fini(&out);
    return found;
}

ParameterizedTest(struct value_case *c, conf, set, .timeout = 60)
{
    struct settings settings = defaults(), before = settings;
    struct err err = { 0 };
    bool want = c->shown[0] != '\0';
    cr_expect_eq(conf_set(&table, &settings, c->name, c->text, &err), want, "%s=%s", c->name,
                 c->text);
    if (!want) {
        cr_expect_eq(memcmp(&settings, &before, sizeof before), 0, "written on failure");
        cr_expect(strncmp(err.text, c->name, strlen(c->name)) == 0, "%s", err.text);
        return;
    }
    char memory[80];
    struct buf line = BUF_OVER(memory);
    buf_add_char(&line, '\n');
    conf_show_env(c->name, &line);
    buf_printf(&line, "=%s\n", c->shown);
    cr_expect(prints(&settings, line.data), "%s=%s, want %s", c->name, c->text, c->shown);
}

Test(conf, an_empty_string_is_a_value)
{
    struct settings settings = defaults();
    cr_expect(conf_set(&table, &settings, "comment", "", NULL));
    cr_expect_str_eq(settings.comment, "");
}

/* ---- sources ---- */

enum { UNTOUCHED = 0x5A };

static int count(char *const *list)
{
    int n = 0;
    while (list[n] != NULL)
        n++;
    return n;
}

static bool load(struct settings *settings, char *const argv[], char *const env[], struct err *err)
{
    memset(settings, UNTOUCHED, sizeof *settings);
    return conf_load(&table, settings, count(argv), argv, env, err);
}

#define LIST(...) ((char *[]){ __VA_ARGS__, NULL })

Test(conf, flag_before_environment_before_default)
{
    struct settings got;
    struct err err = { 0 };
    cr_assert(load(&got, LIST("prog", "--http-port=3", "--comment", "flag", "--access-log"),
                   LIST("HTTP_PORT=2", "WAIT_MAX=2s", "PATH=/bin", "HTTP_PORTS=x", "COMMENT=env"),
                   &err),
              "%s", err.text);
    cr_expect_eq(got.http_port, 3);
    cr_expect_str_eq(got.comment, "flag");
    cr_expect_eq(got.wait_max, 2 * NS_PER_S);
    cr_expect(got.access_log);
    cr_expect_eq(got.colour, 1);
}

Test(conf, the_last_flag_counts_and_a_value_may_hold_anything)
{
    struct settings got;
    struct err err = { 0 };
    cr_assert(load(&got,
                   LIST("prog", "--comment=a", "--comment=--b=c", "--access-log=false",
                        "--database-url", "k=v x='y'"),
                   none, &err),
              "%s", err.text);
    cr_expect_str_eq(got.comment, "--b=c");
    cr_expect_str_eq(got.database_url, "k=v x='y'");
    cr_expect_not(got.access_log);
}

struct refused_case {
    char arg[48], arg2[16], env[48], want[140];
};

ParameterizedTestParameters(conf, refused)
{
    /* clang-format off */
    static struct refused_case cases[] = {
        { "--http-port=0", "", "", "--http-port=0: must be a whole number, 1 to 65535" },
        { "--http-port", "x", "", "--http-port=x: must be a whole number, 1 to 65535" },
        { "--http-port=", "", "", "--http-port=: must be a whole number, 1 to 65535" },
        { "", "", "HTTP_PORT=", "HTTP_PORT=: must be a whole number, 1 to 65535" },
        { "", "", "WAIT_MAX=2h", "WAIT_MAX=2h: must be seconds, or a duration like 500ms or 2m, 1ms to 1h" },
        { "", "", "BODY_MAX=1", "BODY_MAX=1: must be bytes, or a size like 64KiB or 4MiB, 1KiB to 1GiB" },
        { "", "", "FACTOR=0", "FACTOR=0: must be a number, 1 to 10" },
        { "--colour=pink", "", "", "--colour=pink: must be red, green or blue" },
        { "--access-log=x", "", "", "--access-log=x: must be true or false" },
        { "--comment=12345678", "", "", "--comment=12345678: must be at most 7 bytes" },
        { "--port-max=-1", "", "", "--port-max=-1: must be a whole number, 0 to 4294967295 ports" },
        { "", "", "DATABASE_URL=hunter2hunter2hunter2", "DATABASE_URL=***: must be at most 15 bytes" },
        { "--htpp-port=1", "", "", "--htpp-port: no such option; did you mean --http-port?" },
        { "--http_port=1", "", "", "--http_port: no such option; did you mean --http-port?" },
        { "--nothing-like-it", "", "", "--nothing-like-it: no such option; see prog --help" },
        { "--", "", "", "--: no such option; see prog --help" },
        { "--http-port", "", "", "--http-port: a value is missing, as in --http-port=value" },
        { "--http-port", "--colour=red", "", "--http-port: a value is missing, as in --http-port=value" },
        { "-p=80", "", "", "-p: not an option; they are given as --name=value" },
        { "--access-log", "false", "", "false: not an option; they are given as --name=value" },
    };
    /* clang-format on */
    return cr_make_param_array(struct refused_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct refused_case *c, conf, refused, .timeout = 60)
{
    char *argv[4] = { "prog" };
    int argc = 1;
    if (c->arg[0] != '\0')
        argv[argc++] = c->arg;
    if (c->arg2[0] != '\0')
        argv[argc++] = c->arg2;

    struct settings got;
    struct err err = { 0 };
    cr_expect_not(load(&got, argv, LIST("COLOUR=red", c->env), &err));
    cr_expect_str_eq(err.text, c->want);
    struct settings untouched;
    memset(&untouched, UNTOUCHED, sizeof untouched);
    cr_expect_eq(memcmp(&got, &untouched, sizeof got), 0, "written on failure");
}

Test(conf, a_flag_longer_than_any_is_unknown)
{
    static char flag[5000] = "--";
    memset(flag + 2, 'x', sizeof flag - 3);
    struct settings got;
    struct err err = { 0 };
    cr_expect_not(load(&got, LIST("prog", flag), none, &err));
    cr_expect(strstr(err.text, "no such option") != NULL);
}

Test(conf, unknown_name)
{
    struct settings settings = defaults();
    struct err err = { 0 };
    cr_expect_not(conf_set(&table, &settings, "nothing", "1", &err));
    cr_expect_str_eq(err.text, "nothing: no such option");
}

/* ---- NAME_FILE ---- */

/* want: the value; NULL: refused with `error` in the text. */
static void expect_from_file(const char *bytes, size_t len, const char *want, const char *error)
{
    char path[] = "/tmp/ordersd-conf-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, bytes, len), (ssize_t)len);
    (void)close(fd);

    char variable[64];
    (void)snprintf(variable, sizeof variable, "DATABASE_URL_FILE=%s", path);
    struct settings got;
    struct err err = { 0 };
    bool ok = load(&got, LIST("prog"), LIST(variable), &err);
    (void)unlink(path);
    cr_expect_eq(ok, want != NULL, "%s", err.text);
    if (want != NULL)
        cr_expect_str_eq(got.database_url, want);
    else
        cr_expect(strstr(err.text, error) != NULL, "%s", err.text);
}

Test(conf, value_from_a_file)
{
    expect_from_file("secret", 6, "secret", NULL);
    expect_from_file("secret\n", 7, "secret", NULL);
    expect_from_file("secret\r\n", 8, "secret", NULL);
    expect_from_file("\xef\xbb\xbfsecret\r\n", 11, "secret", NULL);
    expect_from_file("\xef\xbb\xbf", 3, "", NULL);
    expect_from_file("\r\n", 2, "", NULL);
    expect_from_file(" secret ", 8, " secret ", NULL);
    expect_from_file("secret\n\n", 8, NULL, "more than one line");
    expect_from_file("secret\r", 7, NULL, "more than one line");
    expect_from_file("secret\r\r\n", 9, NULL, "more than one line");
    expect_from_file("a\nb\n", 4, NULL, "more than one line");
    expect_from_file("\xff\xfes\0", 4, NULL, "NUL"); /* UTF-16 */
    expect_from_file("\xef\xbb\xbf"
                     "123456789012345\r\n",
                     20, "123456789012345", NULL);
    expect_from_file("\xef\xbb\xbf"
                     "1234567890123456\r\n",
                     21, NULL, "must be at most 15 bytes");
    expect_from_file("", 0, "", NULL);
    expect_from_file("\n", 1, "", NULL);
    expect_from_file("123456789012345\n", 16, "123456789012345", NULL);
    expect_from_file("1234567890123456", 16, NULL,
                     "DATABASE_URL_FILE=***: must be at most 15 bytes");
    expect_from_file("123456789012345678901234567890", 30, NULL, "must be at most 15 bytes");
    expect_from_file("a\0b", 3, NULL, "NUL");
}

Test(conf, value_from_no_file)
{
    struct settings got;
    struct err err = { 0 };
    cr_expect_not(load(&got, none, LIST("DATABASE_URL_FILE=/nonexistent"), &err));
    cr_expect_str_eq(err.text,
                     "DATABASE_URL_FILE=/nonexistent: cannot read it: No such file or directory");
    cr_expect_not(load(&got, none, LIST("DATABASE_URL_FILE=/tmp"), &err));
    cr_expect_str_eq(err.text, "DATABASE_URL_FILE=/tmp: is no regular file");

    cr_expect_not(load(&got, none, LIST("DATABASE_URL_FILE=/tmp", "DATABASE_URL="), &err));
    cr_expect_str_eq(err.text, "DATABASE_URL and DATABASE_URL_FILE are both set: leave one out");
    cr_expect(load(&got, none, LIST("COMMENT_FILE=/nonexistent"), &err), "has no _FILE form");
}

/* The open of a pipe would wait for its writer, and at SIGHUP the service with it. */
Test(conf, a_pipe_is_refused_and_not_waited_for, .timeout = 60)
{
    char folder[] = "/tmp/ordersd-conf-XXXXXX", variable[80];
    struct settings got;
    struct err err = { 0 };
    cr_assert_not_null(mkdtemp(folder));
    int len = snprintf(variable, sizeof variable, "DATABASE_URL_FILE=%s/pipe", folder);
    const char *path = variable + strlen("DATABASE_URL_FILE=");
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_expect_not(load(&got, none, LIST(variable), &err));
    cr_expect_eq(strncmp(err.text, variable, (size_t)len), 0, "%s", err.text);
    cr_expect_not_null(strstr(err.text, ": is no regular file but a pipe"), "%s", err.text);
    (void)unlink(path);
    (void)rmdir(folder);
}

/* ---- order and print ---- */

Test(conf, order_of_two_options)
{
    struct settings settings = defaults();
    struct err err = { 0 };
    settings.http_port = settings.port_max;
    cr_expect(conf_check_order(&table, &settings, "http_port", "port_max", &err), "equal is good");
    settings.http_port++;
    cr_expect_not(conf_check_order(&table, &settings, "http_port", "port_max", &err));
    cr_expect_str_eq(err.text, "HTTP_PORT=9001 is more than PORT_MAX=9000");
}

Test(conf, print_masks_a_secret)
{
    struct settings settings = defaults();
    cr_expect(prints(&settings, "\nDATABASE_URL=\n"), "an empty one is no secret");
    cr_assert(conf_set(&table, &settings, "database_url", "hunter2", NULL));
    cr_expect(prints(&settings, "\nDATABASE_URL=***\n"));
    cr_expect_not(prints(&settings, "hunter2"));
}

Test(conf, help_fits_100_columns)
{
    struct buf out = BUF_INIT(100000);
    conf_help(&table, &out);
    cr_assert_not(out.failed);
    cr_expect(strstr(out.data, "\nSecond\n  --database-url=TEXT\n") != NULL, "%s", out.data);
    cr_expect(strstr(out.data, "      A wait. Default 0.5; 1ms to 1h.\n") != NULL, "%s", out.data);
    cr_expect(strstr(out.data, "DATABASE_URL_FILE may") != NULL, "%s", out.data);
    for (const char *line = out.data; *line != '\0'; line += strcspn(line, "\n") + 1)
        cr_expect_leq(strcspn(line, "\n"), 100);
    buf_fini(&out);
}

Test(conf, markdown_has_a_row_an_option)
{
    struct buf out = BUF_INIT(100000);
    conf_markdown(&table, &out);
    cr_assert_not(out.failed);
    static const char *const wanted[] = {
        "\n## First\n\n| flag |",
        "\n| `--http-port` | `HTTP_PORT` | `8080` | 1 to 65535 | The port. |\n",
        "\n| `--database-url` | `DATABASE_URL` or `DATABASE_URL_FILE` | none | at most 15 bytes "
        "| A secret. A secret: never shown. |\n",
        "\n| `--comment` | `COMMENT` | `hello` | at most 7 bytes | A text. "
        "SIGHUP reads the file of `COMMENT_FILE` again. |\n",
        "\n| `--colour` | `COLOUR` | `green` | red, green or blue | A colour. |\n",
    };
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        cr_expect(strstr(out.data, wanted[i]) != NULL, "%s not in %s", wanted[i], out.data);
    buf_fini(&out);
}

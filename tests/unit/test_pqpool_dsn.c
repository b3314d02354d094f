/* Connection strings: what libpq is told for each host, and what is said of a broken one. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "pqpool/dsn.h"
#include "pqpool/pqpool.h"

static void forget_environment(void)
{
    static const char *const names[] = {
        "PGHOST",     "PGHOSTADDR",           "PGPORT",        "PGOPTIONS",
        "PGSERVICE",  "PGSERVICEFILE",        "PGSYSCONFDIR",  "PGUSER",
        "PGPASSWORD", "PGTARGETSESSIONATTRS", "PGSSLROOTCERT", "PGCONNECT_TIMEOUT"
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        (void)unsetenv(names[i]);
}

TestSuite(dsn, .init = forget_environment);

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

static struct dsn *open_dsn(const char *conninfo)
{
    struct pqpool_options options = PQPOOL_OPTIONS_DEFAULT;
    struct err err = { 0 };
    options.conninfo = conninfo;
    struct dsn *dsn = dsn_open(&options, &err);
    cr_assert_not_null(dsn, "%s: %s", conninfo, err.text);
    return dsn;
}

/* What libpq takes of it: the last of a name, and none that is empty. "" when not said. */
static const char *value_of(const struct dsn_params *params, const char *keyword)
{
    const char *value = "";
    for (size_t i = 0; params->keywords[i] != NULL; i++)
        if (strcmp(params->keywords[i], keyword) == 0 && params->values[i][0] != '\0')
            value = params->values[i];
    return value;
}

static void expect_value(struct dsn *dsn, unsigned host, const char *keyword, const char *want)
{
    struct dsn_params params;
    struct err err = { 0 };
    cr_assert(dsn_params(dsn, host, "", &params, &err), "%s", err.text);
    cr_expect_str_eq(value_of(&params, keyword), want, "%s", keyword);
}

Test(dsn, reads_uris_and_conninfo_alike)
{
    static const char *const cases[] = {
        "postgresql://bob:se%20cret@db.example:6543/orders?sslmode=disable&connect_timeout=3",
        "postgres://bob@db.example:6543/orders?password=se%20cret&sslmode=disable",
        "host=db.example port=6543 user=bob password='se cret' dbname=orders sslmode=disable",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dsn *dsn = open_dsn(cases[i]);
        cr_expect_eq(dsn_hosts(dsn), 1);
        expect_value(dsn, 0, "host", "db.example");
        expect_value(dsn, 0, "port", "6543");
        expect_value(dsn, 0, "user", "bob");
        expect_value(dsn, 0, "password", "se cret");
        expect_value(dsn, 0, "dbname", "orders");
        expect_value(dsn, 0, "sslmode", "disable");
        expect_value(dsn, 0, "client_encoding", "UTF8");
        dsn_close(dsn);
    }
}

Test(dsn, splits_lists_of_hosts)
{
    static const struct {
        const char *conninfo;
        unsigned n;
        const char *host[3], *hostaddr[3], *port[3];
    } cases[] = {
        { "", 1, { "" }, { "" }, { "5432" } },
        { "host=a,b,c", 3, { "a", "b", "c" }, { "", "", "" }, { "5432", "5432", "5432" } },
        { "host=a,b port=1,2", 2, { "a", "b" }, { "", "" }, { "1", "2" } },
        { "host=a,b port=7", 2, { "a", "b" }, { "", "" }, { "7", "7" } },
        { "host=a,b port=1,", 2, { "a", "b" }, { "", "" }, { "1", "" } },
        { "host=,b", 2, { "", "b" }, { "", "" }, { "5432", "5432" } },
        { "hostaddr=127.0.0.1,::1", 2, { "", "" }, { "127.0.0.1", "::1" }, { "5432", "5432" } },
        { "host=a,b hostaddr=10.0.0.1,10.0.0.2 port=3,4",
          2,
          { "a", "b" },
          { "10.0.0.1", "10.0.0.2" },
          { "3", "4" } },
        { "postgresql://a:1,b:2,[::1]:3/x",
          3,
          { "a", "b", "::1" },
          { "", "", "" },
          { "1", "2", "3" } },
        { "host=/run/postgresql", 1, { "/run/postgresql" }, { "" }, { "5432" } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dsn *dsn = open_dsn(cases[i].conninfo);
        cr_assert_eq(dsn_hosts(dsn), cases[i].n, "%s", cases[i].conninfo);
        for (unsigned h = 0; h < cases[i].n; h++) {
            expect_value(dsn, h, "host", cases[i].host[h]);
            expect_value(dsn, h, "hostaddr", cases[i].hostaddr[h]);
            expect_value(dsn, h, "port", cases[i].port[h]);
        }
        dsn_close(dsn);
    }
}

Test(dsn, the_environment_fills_what_the_string_leaves_open)
{
    cr_assert_eq(setenv("PGHOST", "one,two", 1), 0);
    cr_assert_eq(setenv("PGPORT", "1111", 1), 0);
    struct dsn *dsn = open_dsn("port=2222");
    cr_expect_eq(dsn_hosts(dsn), 2);
    expect_value(dsn, 1, "host", "two");
    expect_value(dsn, 1, "port", "2222");
    dsn_close(dsn);

    dsn = open_dsn("host=three");
    cr_expect_eq(dsn_hosts(dsn), 1);
    expect_value(dsn, 0, "host", "three");
    expect_value(dsn, 0, "port", "1111");
    dsn_close(dsn);

    dsn = open_dsn("service=elsewhere");
    expect_value(dsn, 0, "host", ""); /* the service's own come before the environment's */
    expect_value(dsn, 0, "port", "");
    expect_value(dsn, 0, "service", "elsewhere");
    dsn_close(dsn);

    dsn = open_dsn("service=elsewhere host=four,five"); /* which is not there, and may come */
    cr_expect_eq(dsn_hosts(dsn), 2);
    expect_value(dsn, 1, "host", "five");
    dsn_close(dsn);
}

/* A folder of its own, as home. */
struct home {
    char folder[64], path[128];
};

static struct home make_home(void)
{
    struct home home = { .folder = "/tmp/ordersd-home-XXXXXX" };
    cr_assert_not_null(mkdtemp(home.folder));
    cr_assert_eq(setenv("HOME", home.folder, 1), 0);
    return home;
}

static const char *path_in(struct home *home, const char *name)
{
    (void)snprintf(home->path, sizeof home->path, "%s/%s", home->folder, name);
    return home->path;
}

static void leave_home(struct home *home)
{
    (void)unlink(home->path);
    (void)rmdir(home->folder);
}

Test(dsn, a_services_hosts_are_ours_to_dial)
{
    static const char text[] = "[orders]\nhost=one.example,two.example\nport=1111,2222\n"
                               "[other]\nhost=three.example\n";
    struct home home = make_home();
    write_file(path_in(&home, ".pg_service.conf"), text);
    cr_assert_eq(setenv("PGHOST", "four.example", 1), 0);
    struct dsn *dsn = open_dsn("service=orders");
    cr_expect_eq(dsn_hosts(dsn), 2);
    cr_expect(dsn_host_is_name(dsn, 1));
    expect_value(dsn, 1, "host", "two.example");
    expect_value(dsn, 1, "port", "2222");
    expect_value(dsn, 1, "service", "orders");
    dsn_close(dsn);

    dsn = open_dsn("service=orders host=five.example port=3333");
    cr_expect_eq(dsn_hosts(dsn), 1);
    expect_value(dsn, 0, "host", "five.example");
    dsn_close(dsn);

    cr_assert_eq(setenv("PGSERVICE", "other", 1), 0);
    dsn = open_dsn("");
    expect_value(dsn, 0, "host", "three.example");
    dsn_close(dsn);
    leave_home(&home);
}

/* libpq would wait at it, on the thread that dials for all. */
Test(dsn, a_file_that_libpq_would_wait_at_is_refused, .timeout = 60)
{
    static const char *const keywords[] = { "sslcert", "sslrootcert", "sslcrl" };
    struct home home = make_home();
    struct dsn_params params;
    struct err err = { 0 };
    char conninfo[256];
    cr_assert_eq(mkfifo(path_in(&home, "pipe"), 0600), 0);
    for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++) {
        (void)snprintf(conninfo, sizeof conninfo, "host=a %s=%s", keywords[i], home.path);
        struct dsn *dsn = open_dsn(conninfo);
        cr_expect_not(dsn_params(dsn, 0, "", &params, &err));
        cr_expect_not_null(strstr(err.text, keywords[i]), "%s", err.text);
        cr_expect_not_null(strstr(err.text, home.path), "%s", err.text);
        cr_expect_not_null(strstr(err.text, "is a pipe"), "%s", err.text);
        dsn_close(dsn);
    }
    cr_assert_eq(setenv("PGSSLROOTCERT", home.path, 1), 0);
    struct dsn *dsn = open_dsn("host=a");
    cr_expect_not(dsn_params(dsn, 0, "", &params, &err), "the environment counts too");
    dsn_close(dsn);

    struct pqpool_options options = PQPOOL_OPTIONS_DEFAULT;
    options.conninfo = "service=orders";
    cr_assert_eq(setenv("PGSERVICEFILE", home.path, 1), 0);
    cr_expect_null(dsn_open(&options, &err));
    cr_expect_not_null(strstr(err.text, "service file"), "%s", err.text);
    leave_home(&home);
}

/* What is there when nothing is said. */
Test(dsn, a_pipe_at_home_is_refused, .timeout = 60)
{
    struct home home = make_home();
    struct dsn_params params;
    struct err err = { 0 };
    cr_assert_eq(mkfifo(path_in(&home, ".pg_service.conf"), 0600), 0);
    struct dsn *dsn = open_dsn("host=a");
    cr_expect(dsn_params(dsn, 0, "", &params, &err), "no service is asked for: %s", err.text);
    dsn_close(dsn);
    cr_assert_eq(setenv("PGSERVICE", "orders", 1), 0);
    struct pqpool_options options = PQPOOL_OPTIONS_DEFAULT;
    cr_expect_null(dsn_open(&options, &err));
    cr_expect_not_null(strstr(err.text, "service file"), "%s", err.text);
    leave_home(&home);
}

Test(dsn, the_users_own_words_win)
{
    struct dsn *dsn = open_dsn("host=a");
    expect_value(dsn, 0, "keepalives", "1");
    expect_value(dsn, 0, "keepalives_idle", "15");
    expect_value(dsn, 0, "tcp_user_timeout", "10000");
    expect_value(dsn, 0, "target_session_attrs", "read-write");
    dsn_close(dsn);

    dsn = open_dsn("keepalives=0 keepalives_idle=7 tcp_user_timeout=1 target_session_attrs=any");
    expect_value(dsn, 0, "keepalives", "0");
    expect_value(dsn, 0, "keepalives_idle", "7");
    expect_value(dsn, 0, "keepalives_interval", "5");
    expect_value(dsn, 0, "tcp_user_timeout", "1");
    expect_value(dsn, 0, "target_session_attrs", "any");
    dsn_close(dsn);

    dsn = open_dsn("client_encoding=LATIN1");
    expect_value(dsn, 0, "client_encoding", "UTF8"); /* but this one: orders are UTF-8 */
    dsn_close(dsn);
}

/* ---- what the environment and a service say goes before our defaults ---- */

static const char *service_path(void)
{
    static char path[64];
    (void)snprintf(path, sizeof path, "/tmp/ordersd-service-%d", (int)getpid());
    return path;
}

static void write_services(const char *text)
{
    FILE *file = fopen(service_path(), "we");
    cr_assert(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
    cr_assert_eq(setenv("PGSERVICEFILE", service_path(), 1), 0);
}

/* What libpq itself makes of the parameters in the end: it fills in what they leave open. */
static void expect_effect(const char *conninfo, const char *keyword, const char *want)
{
    struct dsn *dsn = open_dsn(conninfo);
    struct dsn_params params;
    struct err err = { 0 };
    cr_assert(dsn_params(dsn, 0, "", &params, &err), "%s", err.text);
    size_t n = 0;
    while (params.keywords[n] != NULL)
        n++;
    params.keywords[n] = "channel_binding"; /* so that it is not dialled */
    params.values[n] = "no";
    params.keywords[n + 1] = params.values[n + 1] = NULL;
    PGconn *pg = PQconnectStartParams(params.keywords, params.values, 0);
    PQconninfoOption *options = PQconninfo(pg);
    const char *value = NULL;
    for (const PQconninfoOption *o = options; o->keyword != NULL; o++)
        if (strcmp(o->keyword, keyword) == 0)
            value = o->val;
    cr_expect_str_eq(value != NULL ? value : "", want, "\"%s\": %s", conninfo, keyword);
    PQconninfoFree(options);
    PQfinish(pg);
    dsn_close(dsn);
}

Test(dsn, the_environment_goes_before_our_defaults)
{
    expect_effect("", "target_session_attrs", "read-write");
    cr_assert_eq(setenv("PGTARGETSESSIONATTRS", "primary", 1), 0);
    expect_effect("", "target_session_attrs", "primary");
    expect_effect("target_session_attrs=standby", "target_session_attrs", "standby");
    cr_assert_eq(setenv("PGTARGETSESSIONATTRS", "any", 1), 0); /* which is libpq's own, too */
    expect_effect("", "target_session_attrs", "any");
    cr_assert_eq(setenv("PGOPTIONS", "-c a=1", 1), 0);
    expect_effect("", "options", "-c a=1");
}

Test(dsn, a_service_goes_before_our_defaults_and_the_environment)
{
    write_services("# services\n"
                   "[empty]\n"
                   "[full]\n"
                   "host=one,two\n"
                   "port=1111,2222\n"
                   "target_session_attrs=prefer-standby\n"
                   "keepalives=0\n"
                   "  tcp_user_timeout=7 \n"
                   "options=-c b=2\n"
                   "application_name=of-the-service\n"
                   "[any]\n"
                   "target_session_attrs=any\n");
    const char *const cases[][3] = {
        { "service=full", "target_session_attrs", "prefer-standby" },
        { "service=full target_session_attrs=primary", "target_session_attrs", "primary" },
        { "service=full", "keepalives", "0" },
        { "service=full", "keepalives_idle", "15" },
        { "service=full", "tcp_user_timeout", "7" },
        { "service=full", "options", "-c b=2" },
        { "service=full", "application_name", "of-the-service" },
        { "service=any", "target_session_attrs", "any" },
        { "service=empty", "target_session_attrs", "read-write" },
        { "service=empty", "tcp_user_timeout", "10000" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_effect(cases[i][0], cases[i][1], cases[i][2]);
    struct dsn *dsn = open_dsn("service=full");
    cr_expect_eq(dsn_hosts(dsn), 2, "each is dialled by us");
    expect_value(dsn, 1, "host", "two");
    expect_value(dsn, 1, "port", "2222");
    dsn_close(dsn);

    cr_assert_eq(setenv("PGSERVICE", "any", 1), 0);
    expect_effect("", "target_session_attrs", "any");
    cr_assert_eq(setenv("PGSERVICE", "full", 1), 0);
    cr_assert_eq(setenv("PGTARGETSESSIONATTRS", "primary", 1), 0);
    expect_effect("", "target_session_attrs", "prefer-standby");
    (void)unlink(service_path());
}

/* The user's own file comes first; what it does not know the system's does. */
Test(dsn, services_are_found_where_libpq_finds_them)
{
    char folder[] = "/tmp/ordersd-home-XXXXXX", path[128], system_path[128];
    cr_assert_not_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/.pg_service.conf", folder);
    (void)snprintf(system_path, sizeof system_path, "%s/pg_service.conf", folder);
    cr_assert_eq(setenv("HOME", folder, 1), 0);
    cr_assert_eq(setenv("PGSYSCONFDIR", folder, 1), 0);
    FILE *user = fopen(path, "we"), *system = fopen(system_path, "we");
    cr_assert(user != NULL && fputs("[mine]\ntarget_session_attrs=any\n[both]\n", user) >= 0);
    cr_assert(system != NULL && fputs("[theirs]\ntarget_session_attrs=any\n"
                                      "[both]\ntarget_session_attrs=any\n",
                                      system) >= 0);
    cr_assert(fclose(user) == 0 && fclose(system) == 0);
    expect_effect("service=mine", "target_session_attrs", "any");
    expect_effect("service=theirs", "target_session_attrs", "any");
    expect_effect("service=both", "target_session_attrs", "read-write");
    (void)unlink(path), (void)unlink(system_path), (void)rmdir(folder);
}

Test(dsn, connect_timeout_is_for_each_host)
{
    static const struct {
        const char *conninfo, *environment;
        int64_t want_ns;
    } cases[] = {
        { "", "", CLOCK_NEVER },
        { "connect_timeout=3", "", 3 * NS_PER_S },
        { "connect_timeout='3 '", "", 3 * NS_PER_S },
        { "connect_timeout=3 host=a,b", "", 6 * NS_PER_S },
        { "connect_timeout=0", "", CLOCK_NEVER },
        { "connect_timeout=-1", "", CLOCK_NEVER },
        { "", "4", 4 * NS_PER_S },
        { "connect_timeout=3", "4", 3 * NS_PER_S },
        { "", "soon", CLOCK_NEVER },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(setenv("PGCONNECT_TIMEOUT", cases[i].environment, 1), 0);
        struct dsn *dsn = open_dsn(cases[i].conninfo);
        cr_expect_eq(dsn_connect_timeout_ns(dsn), cases[i].want_ns, "%s, %s", cases[i].conninfo,
                     cases[i].environment);
        dsn_close(dsn);
    }
}

Test(dsn, our_application_name_yields_to_the_users)
{
    struct pqpool_options options = PQPOOL_OPTIONS_DEFAULT;
    options.application_name = "ordersd";
    options.conninfo = "application_name=mine";
    struct dsn *dsn = dsn_open(&options, NULL);
    cr_assert_not_null(dsn);
    expect_value(dsn, 0, "fallback_application_name", "ordersd");
    expect_value(dsn, 0, "application_name", "mine");
    dsn_close(dsn);
}

Test(dsn, joins_startup_options_the_users_last)
{
    static const struct {
        const char *ours, *conninfo, *environment, *want;
    } cases[] = {
        { "", "", "", "" },
        { "-c a=1", "", "", "-c a=1" },
        { "", "options='-c b=2'", "", "-c b=2" },
        { "-c a=1", "options='-c b=2'", "-c c=3", "-c a=1 -c b=2" },
        { "-c a=1", "", "-c c=3", "-c a=1 -c c=3" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pqpool_options options = PQPOOL_OPTIONS_DEFAULT;
        cr_assert_eq(setenv("PGOPTIONS", cases[i].environment, 1), 0);
        options.session_options = cases[i].ours;
        options.conninfo = cases[i].conninfo;
        struct dsn *dsn = dsn_open(&options, NULL);
        cr_assert_not_null(dsn);
        expect_value(dsn, 0, "options", cases[i].want);
        dsn_close(dsn);
    }
}

Test(dsn, refuses_options_that_do_not_fit)
{
    static char longest[1024], longer[1025];
    memset(longest, 'x', sizeof longest - 1);
    memset(longer, 'x', sizeof longer - 1);
    struct pqpool_options options = PQPOOL_OPTIONS_DEFAULT;
    struct err err = { 0 };
    options.session_options = longer;
    cr_expect_null(dsn_open(&options, &err));
    cr_expect_not_null(strstr(err.text, "options"));
    options.session_options = longest;
    struct dsn *dsn = dsn_open(&options, &err);
    cr_assert_not_null(dsn);
    expect_value(dsn, 0, "options", longest);
    dsn_close(dsn);
}

Test(dsn, takes_the_password_apart_from_the_string)
{
    struct pqpool_options options = PQPOOL_OPTIONS_DEFAULT;
    options.conninfo = "host=a password=of-the-string";
    options.password = "quo'ted \\ and spaced";
    struct dsn *dsn = dsn_open(&options, NULL);
    cr_assert_not_null(dsn);
    expect_value(dsn, 0, "password", "quo'ted \\ and spaced");
    dsn_close(dsn);
}

Test(dsn, reads_the_password_file_at_each_dial)
{
    char path[] = "/tmp/ordersd-password-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    close(fd);
    struct pqpool_options options = PQPOOL_OPTIONS_DEFAULT;
    options.conninfo = "host=a password=of-the-string";
    options.password_file = path;
    struct dsn *dsn = dsn_open(&options, NULL);
    cr_assert_not_null(dsn);
    write_file(path, "first\n");
    expect_value(dsn, 0, "password", "first");
    write_file(path, "second, with spaces\r\n");
    expect_value(dsn, 0, "password", "second, with spaces");
    write_file(path, "\xef\xbb\xbfthird");
    expect_value(dsn, 0, "password", "third");
    write_file(path, "");
    expect_value(dsn, 0, "password", "of-the-string"); /* libpq takes no empty one */

    struct dsn_params params;
    struct err err = { 0 };
    write_file(path, "fourth\nand more");
    cr_expect_not(dsn_params(dsn, 0, "", &params, &err));
    cr_expect_not_null(strstr(err.text, "more than one line"), "%s", err.text);
    cr_expect_null(strstr(err.text, "fourth"));

    unlink(path);
    cr_expect_not(dsn_params(dsn, 0, "", &params, &err));
    cr_expect_not_null(strstr(err.text, path));
    cr_expect_not_null(strstr(err.text, "No such file or directory"));
    dsn_close(dsn);
}

Test(dsn, a_password_file_that_is_a_pipe_is_refused_and_not_waited_for, .timeout = 60)
{
    char folder[] = "/tmp/ordersd-password-XXXXXX", path[64];
    cr_assert_not_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/pipe", folder);
    cr_assert_eq(mkfifo(path, 0600), 0);
    struct pqpool_options options = PQPOOL_OPTIONS_DEFAULT;
    struct dsn_params params;
    struct err err = { 0 };
    options.password_file = path;
    struct dsn *dsn = dsn_open(&options, NULL);
    cr_assert_not_null(dsn);
    cr_expect_not(dsn_params(dsn, 0, "", &params, &err));
    cr_expect_not_null(strstr(err.text, path), "%s", err.text);
    cr_expect_not_null(strstr(err.text, "is no regular file but a pipe"), "%s", err.text);
    dsn_close(dsn);
    (void)unlink(path);
    (void)rmdir(folder);
}

Test(dsn, a_broken_string_is_explained_and_never_shown)
{
    static const struct {
        const char *conninfo, *says;
    } cases[] = {
        { "host", "missing" },
        { "host=a s3cret", "missing" },
        { "s3cret=1", "invalid connection option" },
        { "password='s3cret", "unterminated quoted string" },
        { "postgresql://u:s3cret@[::1/x", "looking for matching" },
        { "postgresql://u:s3cret%zz@h/x", "percent-encoded" },
        { "postgresql://u:p@h/x?s3cret=1", "query parameter" },
        { "postgresql://u:p@h/x?s3cret", "missing" },
        { "postgresql://u:s3cret@h]/x?a=b", "" },
        { "password=\"s3cret host=a", "" },
        { "host=a,b port=1,2,3 password=s3cret", "2 hosts, 0 addresses and 3 ports" },
        { "host=a,b hostaddr=10.0.0.1 password=s3cret", "2 hosts, 1 addresses" },
        { "host=a hostaddr=10.0.0.1,10.0.0.2", "1 hosts, 2 addresses" },
        { "host=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", "at most 16 hosts" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pqpool_options options = PQPOOL_OPTIONS_DEFAULT;
        struct err err = { 0 };
        options.conninfo = cases[i].conninfo;
        struct dsn *dsn = dsn_open(&options, &err);
        if (cases[i].says[0] != '\0')
            cr_expect_null(dsn, "%s", cases[i].conninfo);
        cr_expect_not_null(strstr(err.text, cases[i].says), "%s: %s", cases[i].conninfo, err.text);
        cr_expect_null(strstr(err.text, "s3cret"), "%s: %s", cases[i].conninfo, err.text);
        dsn_close(dsn);
    }
}

Test(dsn, sixteen_hosts_are_fine)
{
    struct dsn *dsn = open_dsn("host=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16");
    cr_expect_eq(dsn_hosts(dsn), 16);
    expect_value(dsn, 15, "host", "16");
    dsn_close(dsn);
    dsn_close(NULL);
}

/* What pqpool_check() refuses before anything is dialled: each fault is named with its place, the
 * keyword and what would be right, and no error shows what may be a password. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "pqpool/pqpool.h"

enum { LIBPQ_16 = 160000, LIBPQ_17 = 170000 };

static struct err err;
static char folder[] = "/tmp/test-conninfo-XXXXXX"; /* HOME, with files; each test is a process */

static bool is_good(const char *conninfo)
{
    struct pqpool_options options = PQPOOL_OPTIONS_DEFAULT;
    options.conninfo = conninfo;
    err = (struct err){ 0 };
    return pqpool_check(&options, &err) == PQPOOL_OK;
}

static const char *make_file(const char *name, const char *text, mode_t mode)
{
    static char path[100];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "we");
    CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0 && chmod(path, mode) == 0);
    return path;
}

static void remove_file(const char *name)
{
    char path[100];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    (void)unlink(path);
}

static void set_up(void)
{
    extern char **environ;
    for (size_t i = 0; environ[i] != NULL;) {
        char name[64];
        (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(environ[i], "="), environ[i]);
        if (strncmp(name, "PG", 2) == 0)
            unsetenv(name);
        else
            i++;
    }
    CHECK(mkdtemp(folder) != NULL && setenv("HOME", folder, 1) == 0);
}

static void tear_down(void)
{
    static const char *const names[] = { "services", "file", "key", ".pg_service.conf" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        remove_file(names[i]);
    (void)rmdir(folder);
}

TestSuite(conninfo, .init = set_up, .fini = tear_down);

/* ---- the string ---- */

struct bad_case {
    char conninfo[120], want[160];
};

ParameterizedTestParameters(conninfo, bad_strings)
{
    /* clang-format off */
    static struct bad_case cases[] = {
        /* no connection string at all */
        { "nonsense",                             "connection string: a word without \"=\"; it must be a URI" },
        { "mysql://u:secret@h/d",                 "it must be a URI, such as postgresql://user@host:5432/name" },
        { "host='h",                              "unterminated quoted string" },
        { "postgresql://u:secret%zz@h/d",         "invalid percent-encoded token" },
        { "postgresql://u:secret@[::1/d",         "matching" },
        /* keywords */
        { "prot=5432",                            "connection string: the keyword prot is unknown; say port" },
        { "hots=secret",                          "the keyword hots is unknown; say host" },
        { "host=h sslmod=disable",                "the keyword sslmod is unknown; say sslmode" },
        { "host=h username=u",                    "the keyword username is unknown; say user" },
        { "host=h database=d",                    "say dbname" },
        { "postgresql://u:secret@h/d?prot=1",     "the keyword prot is unknown; say port" },
        { "password=my secret=1 host=h",          "a password with a blank in it stands in '...'" },
        { "postgresql://h/d?x=y",                 "a password with ? in it has %3F there" },
        /* words */
        { "sslmode=foo",                          "connection string: sslmode=foo: must be disable, allow, prefer, require, verify-ca or verify-full" },
        { "host=h target_session_attrs=master",   "target_session_attrs=master: must be any, read-write, read-only, primary, standby or prefer-standby" },
        { "channel_binding=on",                   "channel_binding=on: must be disable, prefer or require" },
        { "gssencmode=on",                        "gssencmode=on: must be disable, prefer or require" },
        { "sslsni=yes",                           "sslsni=yes: must be 0 or 1" },
        { "sslcompression=on",                    "sslcompression=on: must be 0 or 1" },
        { "ssl_min_protocol_version=SSLv3",       "ssl_min_protocol_version=SSLv3: must be TLSv1, TLSv1.1, TLSv1.2 or TLSv1.3" },
        { "ssl_max_protocol_version=1.3",         "ssl_max_protocol_version=1.3: must be TLSv1" },
        { "ssl_min_protocol_version=TLSv1.3 ssl_max_protocol_version=TLSv1.2", "libpq says: invalid SSL protocol version range" },
        { "replication=database",                 "replication=database: must be false, off, no or 0" },
        { "postgresql://h/d?sslmode=foo",         "sslmode=foo: must be disable" },
        /* numbers */
        { "connect_timeout=10s",                  "connect_timeout=10s: must be a whole number of seconds" },
        { "keepalives=on",                        "keepalives=on: must be 1 or 0" },
        { "keepalives_idle=1.5",                  "keepalives_idle=1.5: must be a whole number of seconds" },
        { "keepalives_interval=x",                "keepalives_interval=x: must be" },
        { "keepalives_count=many",                "keepalives_count=many: must be" },
        { "tcp_user_timeout=10s",                 "tcp_user_timeout=10s: must be a whole number of milliseconds" },
        { "tcp_user_timeout=99999999999",         "tcp_user_timeout=99999999999: must be" },
        /* hosts and ports */
        { "port=xx",                              "port=xx: must be a port, 1 to 65535" },
        { "port=0",                               "port=0: must be a port" },
        { "host=a,b port=5432,65536",             "port=65536: must be a port" },
        { "host=a,b port=1,2,3",                  "port: 3 for 2 hosts; say one, or one for each host" },
        { "port=1,2",                             "port: 2 for 1 hosts" },
        { "host=a,b hostaddr=127.0.0.1",          "hostaddr: 1 for 2 hosts; say one for each host" },
        { "hostaddr=localhost",                   "hostaddr=localhost: must be an IPv4 or IPv6 address" },
        { "hostaddr=1.2.3",                       "hostaddr=1.2.3: must be an IPv4" },
        { "host=db:5432",                         "a : in a host; say the port as port=5432" },
        { "host='a b'",                           "must be a name, an address, or the folder of a socket" },
        { "host=a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q", "at most 16 hosts" },
        { "postgresql://h:xx/d",                  "port: must be a port, 1 to 65535; a / in a password is %2F" },
        { "postgresql://u:pa/ss:secret@h/d",      "a password is %2F in a URI" },
        { "postgresql://u:pa@secret@h/d",         "a password's @ is %40 in a URI" },
        /* services and files */
        { "service=secretless",                   "connection string: service=secretless: " },
        { "host=h sslmode=verify-ca sslrootcert=/no/such", "sslrootcert=/no/such: cannot read it: No such file" },
        { "hostaddr=127.0.0.1 sslcert=/dev/null", "sslcert=/dev/null: cannot read it: it is no regular file" },
        { "host=h sslcert=/etc/passwd sslkey=/no/such", "sslkey=/no/such: cannot read it: No such file" },
        { "host=h sslcrldir=/etc/passwd",         "sslcrldir=/etc/passwd: cannot read it: it is no folder; name a folder" },
        { "host=h sslrootcert=/tmp",              "sslrootcert=/tmp: cannot read it: it is no regular file" },
        { "host=h sslmode=verify-full",           "name the authorities' file by sslrootcert, or put it at ~/.postgresql/root.crt" },
    };
    /* clang-format on */
    return cr_make_param_array(struct bad_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct bad_case *c, conninfo, bad_strings)
{
    cr_expect_not(is_good(c->conninfo), "%s", c->conninfo);
    cr_expect_not_null(strstr(err.text, c->want), "%s\n-- is answered --\n%s", c->conninfo,
                       err.text);
    cr_expect_null(strstr(err.text, "secret") != NULL && strstr(err.text, "secretless") == NULL
                       ? err.text
                       : NULL,
                   "a secret in: %s", err.text);
}

Test(conninfo, good_strings)
{
    static const char *const good[] = {
        "",
        "host=",
        "port='' sslmode=''",
        "host=h",
        "host=/run/postgresql,h port=5432,",
        "host=a,b,c port=5432",
        "host=a,b hostaddr=127.0.0.1,::1",
        "hostaddr=fe80::1%eth0",
        "host=@abstract",
        "host=::1",
        "user=a@b host=h password='a b=c'",
        "postgresql://",
        "postgres://u:p%40%2F@h:5432,[::1]:5433/d?connect_timeout=10&sslmode=disable",
        "postgresql:///d?host=/tmp&port=5433",
        "host=h sslmode=require ssl_min_protocol_version=tlsv1.2",
        "host=/tmp sslmode=verify-full", /* nothing is encrypted there */
        "host=h sslmode=disable sslrootcert=/no/such",
        /* libpq goes on without these files */
        "host=h sslmode=require sslrootcert=/no/such sslcert=/no/such sslkey=/no/such",
        "host=h sslcrl=/no/such sslcrldir=/no/such",
        "host=h keepalives_idle=15 keepalives=0 tcp_user_timeout=10000",
        "host=h replication=false options='-c x=y'",
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        cr_expect(is_good(good[i]), "%s: %s", good[i], err.text);
}

/* What this libpq does not know is said to be that, and what it knows is checked. */
Test(conninfo, keywords_of_later_libraries)
{
    static const struct {
        int version;
        const char *good, *bad, *needs, *want;
    } cases[] = {
        { LIBPQ_16, "load_balance_hosts=random", "load_balance_hosts=on",
          "load_balance_hosts needs libpq 16", "load_balance_hosts=on: must be disable or random" },
        { LIBPQ_16, "sslcertmode=allow", "sslcertmode=on", "sslcertmode needs libpq 16",
          "sslcertmode=on: must be disable, allow or require" },
        { LIBPQ_16, "require_auth=scram-sha-256", "require_auth=scram",
          "require_auth needs libpq 16", "invalid require_auth" },
        { LIBPQ_17, "sslnegotiation=postgres", "sslnegotiation=on", "sslnegotiation needs libpq 17",
          "sslnegotiation=on: must be postgres or direct" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool known = PQlibVersion() >= cases[i].version;
        const char *want = known ? cases[i].want : cases[i].needs;
        cr_expect_eq(is_good(cases[i].good), known, "%s: %s", cases[i].good, err.text);
        cr_expect_not(is_good(cases[i].bad), "%s", cases[i].bad);
        cr_expect_not_null(strstr(err.text, want), "%s: %s", cases[i].bad, err.text);
    }
}

/* ---- the environment and services ---- */

Test(conninfo, the_environment_is_checked_and_named)
{
    static const struct {
        const char *name, *value, *want;
    } cases[] = {
        { "PGSSLMODE", "foo", "PGSSLMODE=foo: must be disable" },
        { "PGPORT", "xx", "PGPORT=xx: must be a port" },
        { "PGPORT", "5432,5433", "PGPORT: 2 for 1 hosts" },
        { "PGHOST", "db:5432", "PGHOST: a : in a host" },
        { "PGHOSTADDR", "db", "PGHOSTADDR=db: must be an IPv4" },
        { "PGTARGETSESSIONATTRS", "master", "PGTARGETSESSIONATTRS=master: must be any" },
        { "PGCONNECT_TIMEOUT", "soon", "PGCONNECT_TIMEOUT=soon: must be" },
        { "PGCHANNELBINDING", "on", "PGCHANNELBINDING=on: must be" },
        { "PGGSSENCMODE", "on", "PGGSSENCMODE=on: must be" },
        { "PGSERVICE", "nowhere", "PGSERVICE=nowhere: " },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK(setenv(cases[i].name, cases[i].value, 1) == 0);
        cr_expect_not(is_good(""), "%s", cases[i].name);
        cr_expect_eq(strncmp(err.text, cases[i].want, strlen(cases[i].want)), 0, "%s=%s: %s",
                     cases[i].name, cases[i].value, err.text);
        CHECK(unsetenv(cases[i].name) == 0);
    }
    CHECK(setenv("PGSSLMODE", "foo", 1) == 0);
    cr_expect(is_good("sslmode=require"), "the string counts before the environment: %s", err.text);
}

Test(conninfo, a_service_is_checked_and_named)
{
    const char *services = make_file("services",
                                     "[good]\nhost=h\nport=5432\n[bad]\nhost=h\n"
                                     "sslmode=foo\n[broken]\nhost\n",
                                     0600);
    CHECK(setenv("PGSERVICEFILE", services, 1) == 0);
    cr_expect(is_good("service=good"), "%s", err.text);
    cr_expect_not(is_good("service=bad"));
    cr_expect_str_eq(err.text, "service bad: sslmode=foo: must be disable, allow, prefer, require, "
                               "verify-ca or verify-full");
    cr_expect(is_good("service=bad sslmode=require"), "%s", err.text);
    cr_expect_not(is_good("service=broken"));
    cr_expect_not_null(strstr(err.text, "syntax error in service file"), "%s", err.text);
    cr_expect_not(is_good("service=other"));
    cr_expect_not_null(strstr(err.text, "definition of service \"other\" not found"), "%s",
                       err.text);
    CHECK(setenv("PGSERVICE", "bad", 1) == 0 && setenv("PGSSLMODE", "require", 1) == 0);
    cr_expect_not(is_good(""), "a service counts before the environment");
    cr_expect_not_null(strstr(err.text, "service bad: sslmode=foo"), "%s", err.text);
    CHECK(setenv("PGSERVICEFILE", "/no/such", 1) == 0);
    cr_expect_not(is_good("service=good"));
    cr_expect_not_null(strstr(err.text, "PGSERVICEFILE"), "%s", err.text);
}

/* ---- files ---- */

Test(conninfo, files_that_are_there)
{
    char conninfo[300];
    const char *path = make_file("file", "", 0600);
    (void)snprintf(conninfo, sizeof conninfo,
                   "host=h sslmode=verify-ca sslrootcert=%s sslcert=%s sslcrl=%s sslcrldir=%s",
                   path, path, path, folder);
    cr_expect(is_good(conninfo), "%s", err.text);
}

Test(conninfo, a_key_that_others_may_read)
{
    char conninfo[200];
    const char *path = make_file("key", "", 0644);
    (void)snprintf(conninfo, sizeof conninfo, "host=h sslkey=%s", path);
    cr_expect_not(is_good(conninfo));
    cr_expect_not_null(strstr(err.text, "chmod 600"), "%s", err.text);
    CHECK(chmod(path, 0600) == 0);
    cr_expect(is_good(conninfo), "%s", err.text);
}

/* ---- and the pool does not open ---- */

Test(conninfo, no_pool_is_opened)
{
    struct pqpool_options options = PQPOOL_OPTIONS_DEFAULT;
    struct pqpool *pool = NULL;
    options.conninfo = "host=h sslmode=foo";
    cr_expect_eq(pqpool_open(&options, &pool, &err), PQPOOL_INVALID_OPTIONS);
    cr_expect_null(pool);
    cr_expect_not_null(strstr(err.text, "sslmode=foo"), "%s", err.text);
}

static void make_pipe(const char *name)
{
    char path[100];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    CHECK(mkfifo(path, 0600) == 0);
}

/* libpq opens these files itself, and would wait at a pipe for its writer. */
Test(conninfo, a_file_that_is_a_pipe_is_refused_and_not_waited_for, .timeout = 60)
{
    make_pipe(".pg_service.conf");
    cr_expect_not(is_good("service=orders"));
    cr_expect_not_null(strstr(err.text, "is a pipe"), "%s", err.text);
    remove_file(".pg_service.conf");

    char conninfo[160];
    make_pipe("root.crt");
    (void)snprintf(conninfo, sizeof conninfo, "host=db sslrootcert=%s/root.crt", folder);
    cr_expect_not(is_good(conninfo));
    cr_expect_not_null(strstr(err.text, "is a pipe"), "%s", err.text);
    remove_file("root.crt");
}

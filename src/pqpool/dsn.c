/* dsn.c - splits a connection string into its hosts: see dsn.h. libpq's own parser reads the string
 * once. Each dial then gives libpq the same parameters with one host, one port, and the password as
 * it is at that moment.
 *
 * At each dial, libpq itself fills in the parameters that the string does not set. The pool reads
 * some parameters from dsn_resolve(): host, hostaddr and port, to split these lists; options, to
 * add its own; connect_timeout, to limit the dial; and the keywords of `defaults`, to see whether
 * the user sets them. */
#include "pqpool/dsn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/one_line.h"
#include "pqpool/conninfo.h"
#include "pqpool/dsn_around.h"
#include "pqpool/lookup.h"
#include "pqpool/pqpool.h"

enum { HOSTS_MAX = 16, PASSWORD_SIZE = 1024, OPTIONS_SIZE = 1024, SECONDS_MAX = 1000000 };

struct host {
    char *host, *hostaddr, *port; /* owned; NULL: not set */
    bool is_name;                 /* the host has to be looked up */
};

/* The pool's defaults, for parameters that neither the string nor a service nor the environment
 * sets. With them a half-open socket is found in seconds, and only a server that accepts writes
 * is used. */
static const char *const defaults[][2] = {
    { "keepalives", "1" },           { "keepalives_idle", "15" },
    { "keepalives_interval", "5" },  { "keepalives_count", "3" },
    { "tcp_user_timeout", "10000" }, { "target_session_attrs", "read-write" },
};
enum { DEFAULTS = sizeof defaults / sizeof defaults[0] };

struct dsn {
    PQconninfoOption *given;    /* the parameters that the string sets; freed by PQconninfoFree() */
    PQconninfoOption *resolved; /* `given` with what libpq adds; freed by PQconninfoFree() */
    /* is_said[i]: the user's settings have a value for defaults[i][0]; that default is unused. */
    bool is_said[DEFAULTS];
    struct host hosts[HOSTS_MAX];
    unsigned n_hosts;
    struct dsn_files files;
    const char *given_password, *password_file,
        *application_name; /* borrowed from the pool's options */
    char startup_options[OPTIONS_SIZE];
    char password[PASSWORD_SIZE]; /* the password read last from password_file */
};

/* Copies part i (from 0) of a list that is separated by commas. If the list has only one part,
 * copies this part for every i. *out is NULL if the part is empty. Returns false if no memory is
 * left. */
static bool part(const char *list, unsigned i, char **out)
{
    *out = NULL;
    if (list == NULL)
        return true;
    if (conninfo_count_parts(list) == 1)
        i = 0;
    for (; i > 0 && list != NULL; i--) {
        list = strchr(list, ',');
        list = list != NULL ? list + 1 : NULL;
    }
    if (list == NULL || *list == ',' || *list == '\0')
        return true;
    *out = strndup(list, strcspn(list, ","));
    return *out != NULL;
}

static unsigned most(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

/* Returns the value that libpq would use for a keyword at a dial. Looks in `given` first: if the
 * service cannot be read, `resolved` has no values. */
static const char *find(const struct dsn *dsn, const char *keyword)
{
    const char *given = dsn_find(dsn->given, keyword);
    return given != NULL ? given : dsn_find(dsn->resolved, keyword);
}

static bool counts_match(unsigned hosts, unsigned addresses, unsigned ports)
{
    unsigned n = most(most(hosts, addresses), 1);
    bool names_match = hosts == 0 || addresses == 0 || hosts == addresses;
    return n <= HOSTS_MAX && names_match && (ports <= 1 || ports == n);
}

static bool split_hosts(struct dsn *dsn, struct err *err)
{
    const char *const lists[] = {
        find(dsn, "host"),
        find(dsn, "hostaddr"),
        find(dsn, "port"),
    };
    unsigned hosts = conninfo_count_parts(lists[0]), addresses = conninfo_count_parts(lists[1]);
    unsigned ports = conninfo_count_parts(lists[2]);
    dsn->n_hosts = most(most(hosts, addresses), 1);
    if (!counts_match(hosts, addresses, ports)) {
        err_set(err, 0,
                "connection string: %u hosts, %u addresses and %u ports; at most %d hosts, an "
                "address for each or none, and one port or one a host",
                hosts, addresses, ports, HOSTS_MAX);
        return false;
    }
    for (unsigned i = 0; i < dsn->n_hosts; i++)
        if (!part(lists[0], i, &dsn->hosts[i].host) ||
            !part(lists[1], i, &dsn->hosts[i].hostaddr) ||
            !part(lists[2], i, &dsn->hosts[i].port)) {
            err_set(err, 0, "out of memory");
            return false;
        }
    for (unsigned i = 0; i < dsn->n_hosts; i++)
        dsn->hosts[i].is_name =
            dsn->hosts[i].hostaddr == NULL && lookup_is_needed(dsn->hosts[i].host);
    return true;
}

/* Joins options.session_options and the parameter `options` of libpq. If both set one
 * setting of the server, the server uses the value that comes later: that of `options`. */
static bool join_options(struct dsn *dsn, const char *ours, struct err *err)
{
    const char *theirs = find(dsn, "options");
    int n = snprintf(dsn->startup_options, sizeof dsn->startup_options, "%s%s%s", ours,
                     ours[0] != '\0' && theirs != NULL ? " " : "", theirs != NULL ? theirs : "");
    if (n >= 0 && (size_t)n < sizeof dsn->startup_options)
        return true;
    err_set(err, 0, "connection string: options longer than %d bytes", OPTIONS_SIZE - 1);
    return false;
}

/* Writes libpq's reason without the text from the first quote to the last. The quoted text is what
 * libpq does not understand, and may be a part of the password. */
static void explain_parse(const char *why, struct err *err)
{
    const char *first = strchr(why, '"'), *last = strrchr(why, '"');
    if (first == NULL)
        err_set(err, 0, "connection string: %s", why);
    else
        err_set(err, 0, "connection string: %.*s...%s", (int)(first + 1 - why), why, last);
}

struct dsn *dsn_open(const struct pqpool_options *options, struct err *err)
{
    char *why = NULL;
    struct dsn *dsn = calloc(1, sizeof *dsn);
    if (dsn == NULL) {
        err_set(err, 0, "out of memory");
        return NULL;
    }
    dsn->given_password = options->password;
    dsn->password_file = options->password_file;
    dsn->application_name = options->application_name;
    dsn->given = PQconninfoParse(options->conninfo, &why);
    if (dsn->given == NULL) {
        explain_parse(why != NULL ? why : "out of memory", err);
        goto fail;
    }
    dsn->resolved = dsn_resolve(dsn->given, err);
    if (dsn->resolved == NULL)
        goto fail;
    if (!dsn_files_init(&dsn->files, dsn->given, dsn->resolved)) {
        err_set(err, 0, "out of memory");
        goto fail;
    }
    for (size_t i = 0; i < DEFAULTS; i++)
        dsn->is_said[i] = dsn_is_said(dsn->given, dsn->resolved, defaults[i][0]);
    if (!split_hosts(dsn, err) || !join_options(dsn, options->session_options, err))
        goto fail;
    return dsn;

fail:
    PQfreemem(why);
    dsn_close(dsn);
    return NULL;
}

void dsn_close(struct dsn *dsn)
{
    if (dsn == NULL)
        return;
    for (unsigned i = 0; i < HOSTS_MAX; i++) {
        free(dsn->hosts[i].host);
        free(dsn->hosts[i].hostaddr);
        free(dsn->hosts[i].port);
    }
    dsn_files_fini(&dsn->files);
    PQconninfoFree(dsn->given);
    PQconninfoFree(dsn->resolved);
    explicit_bzero(dsn->password, sizeof dsn->password);
    free(dsn);
}

unsigned dsn_hosts(const struct dsn *dsn)
{
    return dsn->n_hosts;
}

const char *dsn_host(const struct dsn *dsn, unsigned host)
{
    const struct host *h = &dsn->hosts[host];
    return h->host != NULL ? h->host : h->hostaddr != NULL ? h->hostaddr : "";
}

bool dsn_host_is_name(const struct dsn *dsn, unsigned host)
{
    return dsn->hosts[host].is_name;
}

int64_t dsn_connect_timeout_ns(const struct dsn *dsn)
{
    const char *text = find(dsn, "connect_timeout");
    long seconds;
    if (text == NULL || !conninfo_number(text, 1, SECONDS_MAX, &seconds))
        return CLOCK_NEVER;
    return seconds * NS_PER_S * (int64_t)dsn->n_hosts;
}

static bool read_password(struct dsn *dsn, struct err *err)
{
    struct stat file;
    const char *why;
    int fd = file_open(dsn->password_file, &file, &why);
    ssize_t n = fd >= 0 ? read(fd, dsn->password, sizeof dsn->password - 1) : -1;
    if (fd >= 0 && n < 0)
        why = strerrordesc_np(errno);
    if (fd >= 0)
        (void)close(fd);
    if (n < 0) {
        err_set(err, 0, "password file %s: %s", dsn->password_file, why);
        return false;
    }
    size_t len = (size_t)n;
    const char *wrong = one_line_trim(dsn->password, &len);
    if (wrong != NULL)
        err_set(err, 0, "password file %s: the file %s", dsn->password_file, wrong);
    else if ((size_t)n == sizeof dsn->password - 1)
        err_set(err, 0, "password file %s: the file has %d bytes or more", dsn->password_file,
                PASSWORD_SIZE - 1);
    else
        return true;
    explicit_bzero(dsn->password, sizeof dsn->password);
    return false;
}

static void put(struct dsn_params *out, size_t *n, const char *keyword, const char *value)
{
    if (value == NULL || *n == DSN_PARAMS_MAX)
        return;
    out->keywords[*n] = keyword;
    out->values[(*n)++] = value;
}

static bool ours_to_say(const char *keyword)
{
    static const char *const ours[] = { "host",    "hostaddr",        "port",
                                        "options", "client_encoding", NULL };
    for (size_t i = 0; ours[i] != NULL; i++)
        if (strcmp(keyword, ours[i]) == 0)
            return true;
    return false;
}

bool dsn_params(struct dsn *dsn, unsigned host, const char *address, struct dsn_params *out,
                struct err *err)
{
    size_t n = 0;
    if (!dsn_files_good(&dsn->files, err))
        return false;
    for (size_t i = 0; i < DEFAULTS; i++)
        if (!dsn->is_said[i])
            put(out, &n, defaults[i][0], defaults[i][1]);
    if (dsn->application_name[0] != '\0')
        put(out, &n, "fallback_application_name", dsn->application_name);
    for (const PQconninfoOption *o = dsn->given; o->keyword != NULL; o++)
        if (o->val != NULL && !ours_to_say(o->keyword))
            put(out, &n, o->keyword, o->val);
    put(out, &n, "host", dsn->hosts[host].host);
    put(out, &n, "hostaddr", address[0] != '\0' ? address : dsn->hosts[host].hostaddr);
    put(out, &n, "port", dsn->hosts[host].port);
    put(out, &n, "client_encoding", "UTF8");
    if (dsn->startup_options[0] != '\0')
        put(out, &n, "options", dsn->startup_options);
    if (dsn->given_password[0] != '\0')
        put(out, &n, "password", dsn->given_password);
    if (dsn->password_file[0] != '\0') {
        if (!read_password(dsn, err))
            return false;
        put(out, &n, "password", dsn->password);
    }
    out->keywords[n] = out->values[n] = NULL;
    return true;
}

/* conninfo.c - checks a connection string: see conninfo.h.
 *
 * libpq checks a connection string only when it makes a PGconn, and would then dial at once. So
 * this file gives one keyword an invalid value on purpose: libpq refuses the PGconn before any
 * lookup or dial. Two such PGconns are made:
 *
 * dsn_resolve()      spoils the keyword that libpq checks first. PQconninfo() of the refused PGconn
 *                    then shows all parameters, also those that libpq filled in.
 * check_resolved()   spoils the keyword that libpq checks last. If libpq names another reason for
 *                    its refusal, the user's settings are wrong. */
#include "pqpool/conninfo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "pqpool/dsn_around.h"

#define URI_EXAMPLE "postgresql://user@host:5432/name"

enum { SHOWN_MAX = 60, WORD_MAX = 32, NEAR = 2, LONG_WORD = 4 };

const char *conninfo_value(const struct conninfo *info, const char *keyword)
{
    bool lost = strcmp(keyword, info->lost) == 0;
    return dsn_find(lost ? info->other : info->resolved, keyword);
}

static bool is_uri(const char *text)
{
    return strncmp(text, "postgresql://", 13) == 0 || strncmp(text, "postgres://", 11) == 0;
}

/* ---- where a value comes from ---- */

static const char *environment_of(const struct conninfo *info, const char *keyword,
                                  const char **name)
{
    for (const PQconninfoOption *o = info->given; o != NULL && o->keyword != NULL; o++)
        if (strcmp(o->keyword, keyword) == 0 && o->envvar != NULL) {
            *name = o->envvar;
            return getenv(o->envvar); /* NOLINT(concurrency-mt-unsafe): nobody sets it */
        }
    return NULL;
}

/* Returns the name of the service (a section of pg_service.conf) that the settings name; NULL: they
 * name none. Needed because PQconninfo() does not report this name. */
static const char *service_of(const struct conninfo *info)
{
    const char *name = NULL, *given = dsn_find(info->given, "service");
    return given != NULL ? given : environment_of(info, "service", &name);
}

/* Writes where the keyword's value comes from: "connection string: KEYWORD", "service NAME:
 * KEYWORD", or the name of the environment variable. */
static void name_source(const struct conninfo *info, const char *keyword, struct buf *out)
{
    const char *name = NULL, *env = environment_of(info, keyword, &name);
    const char *value = conninfo_value(info, keyword);
    const char *service = service_of(info);
    bool given = dsn_find(info->given, keyword) != NULL || value == NULL;
    if (!given && env != NULL && strcmp(env, value) == 0)
        buf_add_str(out, name);
    else if (!given && service != NULL)
        buf_printf(out, "service %.*s: %s", SHOWN_MAX, service, keyword);
    else
        buf_printf(out, "connection string: %s", keyword);
}

/* Returns true if the value may be shown in an error: it has only plain characters, and is no host
 * or port of a URI. If a password in a URI is not encoded, libpq may take a part of the password
 * for the host or the port. */
static bool may_be_shown(const struct conninfo *info, const char *keyword, const char *value)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_.,+-/~";
    bool place = strcmp(keyword, "port") == 0 || strncmp(keyword, "host", 4) == 0;
    if (place && info->is_uri && dsn_find(info->given, keyword) != NULL)
        return false;
    return value[strspn(value, plain)] == '\0';
}

bool conninfo_refuse(const struct conninfo *info, const char *keyword, const char *value,
                     const char *right, struct err *err)
{
    char text[sizeof err->text];
    struct buf out = BUF_OVER(text);
    name_source(info, keyword, &out);
    if (value != NULL && may_be_shown(info, keyword, value))
        buf_printf(&out, "=%.*s%s", SHOWN_MAX, value, strlen(value) > SHOWN_MAX ? "..." : "");
    err_set(err, 0, "%s: %s", text, right);
    return false;
}

/* ---- the string itself ---- */

/* Writes libpq's reason without the text from the first quote to the last. The quoted text is what
 * libpq does not understand, and may be a part of the password. */
static void leave_out_quotes(const char *why, struct err *err)
{
    const char *first = strchr(why, '"'), *last = strrchr(why, '"');
    if (first == NULL)
        err_set(err, 0, "connection string: %s", why);
    else
        err_set(err, 0, "connection string: %.*s...%s", (int)(first + 1 - why), why, last);
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

typedef unsigned distances[WORD_MAX + 1][WORD_MAX + 1];

/* Returns how many steps of distance() turn the first i letters of a into the first j letters of b.
 * `known` must have these numbers for all shorter prefixes of a and b. */
static unsigned distance_to(distances known, const char *a, size_t i, const char *b, size_t j)
{
    unsigned best = known[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
    best = least(best, least(known[i - 1][j], known[i][j - 1]) + 1);
    if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        best = least(best, known[i - 2][j - 2] + 1);
    return best;
}

/* Returns how many steps turn a into b. A step inserts, deletes or replaces a letter, or swaps two
 * neighbouring letters. WORD_MAX: a or b is too long. */
static unsigned distance(const char *a, const char *b)
{
    distances known = { { 0 } };
    size_t n = strlen(a), m = strlen(b);
    if (n > WORD_MAX || m > WORD_MAX)
        return WORD_MAX;
    for (size_t i = 0; i <= n; i++)
        for (size_t j = 0; j <= m; j++)
            known[i][j] = i == 0 || j == 0 ? (unsigned)(i + j) : distance_to(known, a, i, b, j);
    return known[n][m];
}

/* Returns libpq's keyword for a parameter that other libraries call by this word; NULL: none. */
static const char *of_other_libraries(const char *word)
{
    static const char *const known[][2] = {
        { "username", "user" }, { "database", "dbname" },
        { "db", "dbname" },     { "hostname", "host" },
        { "server", "host" },   { "passwd", "password" },
        { "ssl", "sslmode" },   { "timeout", "connect_timeout" },
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(word, known[i][0]) == 0)
            return known[i][1];
    return NULL;
}

/* Returns the keyword of libpq that the word is likely to mean; NULL: none. */
static const char *nearest(const char *word, const PQconninfoOption *known)
{
    const char *found = of_other_libraries(word);
    unsigned closest = strlen(word) > LONG_WORD ? NEAR + 1 : NEAR;
    if (found != NULL)
        return found;
    for (const PQconninfoOption *o = known; o != NULL && o->keyword != NULL; o++) {
        unsigned far = distance(word, o->keyword);
        if (far < closest) {
            closest = far;
            found = o->keyword;
        }
    }
    return found;
}

/* Returns the major version of libpq that introduced this keyword; 0: the keyword is unknown, or
 * older than libpq 16. */
static int first_version(const char *word)
{
    static const struct {
        const char *keyword;
        int version;
    } known[] = {
        { "load_balance_hosts", 16 },   { "require_auth", 16 },   { "sslcertmode", 16 },
        { "gssdelegation", 17 },        { "sslnegotiation", 17 }, { "min_protocol_version", 18 },
        { "max_protocol_version", 18 },
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(word, known[i].keyword) == 0)
            return known[i].version;
    return 0;
}

/* Explains that a keyword is unknown. The word is shown only if it is a keyword of a newer libpq,
 * or similar to a keyword. Any other word may be part of a password that was not quoted. */
static void explain_keyword(const char *word, bool uri, struct err *err)
{
    PQconninfoOption *known = PQconndefaults();
    const char *near = nearest(word, known);
    int version = first_version(word);
    if (version > 0)
        err_set(err, 0, "connection string: %s needs libpq %d; here is %d", word, version,
                PQlibVersion() / 10000);
    else if (near != NULL)
        err_set(err, 0, "connection string: the keyword %s is unknown; say %s", word, near);
    else
        err_set(err, 0,
                "connection string: a keyword is unknown to libpq %d (docs: libpq, Parameter Key "
                "Words); a password with %s",
                PQlibVersion() / 10000,
                uri ? "? in it has %3F there" : "a blank in it stands in '...'");
    PQconninfoFree(known);
}

static void explain_string(const char *why, bool uri, struct err *err)
{
    const char *first = strchr(why, '"'), *last = strrchr(why, '"');
    char word[SHOWN_MAX];
    if (strstr(why, "invalid connection option") != NULL ||
        strstr(why, "invalid URI query parameter") != NULL) {
        int len = first != NULL && last > first ? (int)(last - first - 1) : 0;
        (void)snprintf(word, sizeof word, "%.*s", len, first != NULL ? first + 1 : "");
        explain_keyword(word, uri, err);
    } else if (!uri && strncmp(why, "missing \"=\"", 11) == 0) {
        err_set(err, 0,
                "connection string: a word without \"=\"; it must be a URI, such as " URI_EXAMPLE
                ", or key=value words, such as host=db dbname=orders");
    } else {
        leave_out_quotes(why, err);
    }
}

/* ---- the parameters that libpq resolves ---- */

static const char *last_checked(const PQconninfoOption *known)
{
    for (const PQconninfoOption *o = known; o->keyword != NULL; o++)
        if (strcmp(o->keyword, "load_balance_hosts") == 0)
            return o->keyword;
    return "target_session_attrs";
}

/* Writes the first line of libpq's refusal. Writes "" if libpq refused only the keyword `poison`,
 * which was given an invalid value on purpose. */
static void take_refusal(PGconn *refused, const char *poison, char *text, size_t size)
{
    const char *why = PQerrorMessage(refused);
    (void)snprintf(text, size, "%.*s", (int)strcspn(why, "\n"), why);
    if (strstr(text, poison) != NULL)
        text[0] = '\0';
}

/* Reports a service that libpq did not find. This check comes before the others, because without
 * the service no parameter has a value. */
static bool check_service(const struct conninfo *info, const char *refusal, struct err *err)
{
    const char *service = service_of(info);
    bool given = dsn_find(info->given, "service") != NULL;
    if (service == NULL || strstr(refusal, "service") == NULL)
        return true;
    err_set(err, 0,
            "%s=%.*s: %s; the file is PGSERVICEFILE, else ~/.pg_service.conf, else "
            "pg_service.conf in PGSYSCONFDIR",
            given ? "connection string: service" : "PGSERVICE", SHOWN_MAX, service, refusal);
    return false;
}

static bool check_refusal(const char *refusal, struct err *err)
{
    if (refusal[0] == '\0')
        return true;
    if (strchr(refusal, '@') != NULL) /* libpq may have split a URI inside its password */
        leave_out_quotes(refusal, err);
    else
        err_set(err, 0, "connection string: libpq says: %s", refusal);
    return false;
}

/* Rejects a pipe among the files that libpq opens, because libpq would block on it. */
static bool check_files(const struct conninfo *info, struct err *err)
{
    struct dsn_files files = { 0 };
    bool good = dsn_files_init(&files, info->given, info->other);
    if (!good)
        err_set(err, 0, "out of memory");
    good = good && dsn_files_good(&files, err);
    dsn_files_fini(&files);
    return good;
}

static bool check_resolved(struct conninfo *info, struct err *err)
{
    char refusal[sizeof err->text];
    info->other = dsn_resolve(info->given, err);
    if (info->other == NULL || !check_files(info, err))
        return false;
    info->lost = last_checked(info->given);
    PGconn *last = dsn_begin_refused(info->given, info->lost);
    info->resolved = PQconninfo(last);
    take_refusal(last, info->lost, refusal, sizeof refusal);
    PQfinish(last);
    if (info->resolved == NULL) {
        err_set(err, 0, "out of memory");
        return false;
    }
    return check_service(info, refusal, err) && conninfo_values_check(info, err) &&
           check_refusal(refusal, err);
}

bool conninfo_check(const char *text, struct err *err)
{
    char *why = NULL;
    struct conninfo info = { .is_uri = is_uri(text), .given = PQconninfoParse(text, &why) };
    bool good = info.given != NULL && check_resolved(&info, err);
    if (info.given == NULL)
        explain_string(why != NULL ? why : "out of memory", info.is_uri, err);
    PQfreemem(why);
    PQconninfoFree(info.other);
    PQconninfoFree(info.resolved);
    PQconninfoFree(info.given);
    return good;
}

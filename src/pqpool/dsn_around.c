/* dsn_around.c - see dsn_around.h. libpq itself refuses a pipe as sslkey and passes one over as
 * passfile. */
#include "pqpool/dsn_around.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"

enum { PATH_SIZE = 1024 };

const char *dsn_find(const PQconninfoOption *options, const char *keyword)
{
    for (const PQconninfoOption *o = options; o != NULL && o->keyword != NULL; o++)
        if (strcmp(o->keyword, keyword) == 0)
            return o->val != NULL && o->val[0] != '\0' ? o->val : NULL;
    return NULL;
}

/* ---- files ---- */

/* NOLINTBEGIN(concurrency-mt-unsafe): the environment does not change any more */

/* "" when the folder is not known. */
static void path_in(const char *folder_variable, const char *name, char out[PATH_SIZE])
{
    const char *folder = getenv(folder_variable);
    out[0] = '\0';
    if (folder != NULL && folder[0] != '\0')
        (void)snprintf(out, PATH_SIZE, "%s/%s", folder, name);
}

static bool waits_at(const char *what, const char *path, struct err *err)
{
    if (path == NULL || path[0] == '\0' || !file_is_pipe(path))
        return false;
    err_set(err, 0, "%s %.150s is a pipe, and libpq would wait for its writer: give a regular file",
            what, path);
    return true;
}

static bool service_file_good(struct err *err)
{
    static const char what[] = "service file";
    char path[PATH_SIZE];
    if (waits_at(what, getenv("PGSERVICEFILE"), err))
        return false;
    path_in("HOME", ".pg_service.conf", path);
    if (waits_at(what, path, err))
        return false;
    path_in("PGSYSCONFDIR", "pg_service.conf", path);
    return !waits_at(what, path, err);
}

static bool names_service(const PQconninfoOption *given)
{
    const char *service = getenv("PGSERVICE");
    return dsn_find(given, "service") != NULL || (service != NULL && service[0] != '\0');
}

/* NOLINTEND(concurrency-mt-unsafe) */

static const struct {
    const char *keyword, *at_home; /* where libpq looks when nothing is said */
} tls_files[DSN_FILES] = {
    { "sslcert", ".postgresql/postgresql.crt" },
    { "sslrootcert", ".postgresql/root.crt" },
    { "sslcrl", ".postgresql/root.crl" },
};

bool dsn_files_init(struct dsn_files *files, const PQconninfoOption *given,
                    const PQconninfoOption *defaults)
{
    char at_home[PATH_SIZE];
    bool good = true;
    files->has_service = names_service(given);
    for (size_t i = 0; i < DSN_FILES; i++) {
        const char *path = dsn_find(given, tls_files[i].keyword);
        path_in("HOME", tls_files[i].at_home, at_home);
        if (path == NULL)
            path = dsn_find(defaults, tls_files[i].keyword);
        files->path[i] = strdup(path != NULL ? path : at_home);
        good = good && files->path[i] != NULL;
    }
    return good;
}

void dsn_files_fini(struct dsn_files *files)
{
    for (size_t i = 0; i < DSN_FILES; i++)
        free(files->path[i]);
}

bool dsn_files_good(const struct dsn_files *files, struct err *err)
{
    if (files->has_service && !service_file_good(err))
        return false;
    for (size_t i = 0; i < DSN_FILES; i++)
        if (waits_at(tls_files[i].keyword, files->path[i], err))
            return false;
    return true;
}

/* ---- defaults ---- */

/* Only libpq can read a service, and only for a connection: for one that cannot be begun, since
 * there is no such sslmode. */
static PQconninfoOption *of_service(const char *service)
{
    const char *const keywords[] = { "service", "sslmode", NULL };
    const char *const values[] = { service, "none at all", NULL };
    PGconn *pg = PQconnectStartParams(keywords, values, 0);
    PQconninfoOption *options = pg != NULL ? PQconninfo(pg) : NULL;
    PQfinish(pg);
    return options;
}

PQconninfoOption *dsn_defaults(const PQconninfoOption *given, struct err *err)
{
    const char *service = dsn_find(given, "service");
    if (names_service(given) && !service_file_good(err))
        return NULL;
    PQconninfoOption *options = service != NULL ? of_service(service) : PQconndefaults();
    if (options == NULL)
        err_set(err, 0, "out of memory, or a broken service file");
    return options;
}

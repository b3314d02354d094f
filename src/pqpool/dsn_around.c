/* dsn_around.c - finds what libpq adds to a connection string: see dsn_around.h. The files of
 * sslkey and passfile are not checked for pipes, because libpq refuses a pipe as sslkey and ignores
 * a pipe as passfile. */
#include "pqpool/dsn_around.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "pqpool/dsn.h"

enum { PATH_SIZE = 1024 };

static const PQconninfoOption *find_option(const PQconninfoOption *options, const char *keyword)
{
    while (options != NULL && options->keyword != NULL && strcmp(options->keyword, keyword) != 0)
        options++;
    return options != NULL && options->keyword != NULL ? options : NULL;
}

const char *dsn_find(const PQconninfoOption *options, const char *keyword)
{
    const PQconninfoOption *option = find_option(options, keyword);
    return option != NULL && option->val != NULL && option->val[0] != '\0' ? option->val : NULL;
}

/* ---- files ---- */

static bool waits_at(const char *what, const char *path, struct err *err)
{
    if (path[0] == '\0' || !file_is_pipe(path))
        return false;
    err_set(err, 0, "%s %.150s is a pipe, and libpq would wait for its writer: give a regular file",
            what, path);
    return true;
}

static bool service_good(const struct service_files *files, struct err *err)
{
    for (size_t i = 0; i < SERVICE_FILES; i++)
        if (waits_at("service file", files->path[i], err))
            return false;
    return true;
}

static const struct {
    const char *keyword, *at_home; /* `at_home`: where libpq looks if the keyword is not set */
} tls_files[DSN_TLS_FILES] = {
    { "sslcert", "/.postgresql/postgresql.crt" },
    { "sslrootcert", "/.postgresql/root.crt" },
    { "sslcrl", "/.postgresql/root.crl" },
};

bool dsn_files_init(struct dsn_files *files, const PQconninfoOption *given,
                    const PQconninfoOption *resolved)
{
    char at_home[PATH_SIZE];
    bool good = true;
    files->has_service = service_files_find(given, &files->service);
    for (size_t i = 0; i < DSN_TLS_FILES; i++) {
        const char *path = dsn_find(given, tls_files[i].keyword);
        if (path == NULL)
            path = dsn_find(resolved, tls_files[i].keyword);
        service_home_path(tls_files[i].at_home, at_home, sizeof at_home);
        files->tls[i] = strdup(path != NULL ? path : at_home);
        good = good && files->tls[i] != NULL;
    }
    return good;
}

void dsn_files_fini(struct dsn_files *files)
{
    for (size_t i = 0; i < DSN_TLS_FILES; i++)
        free(files->tls[i]);
}

bool dsn_files_good(const struct dsn_files *files, struct err *err)
{
    if (files->has_service && !service_good(&files->service, err))
        return false;
    for (size_t i = 0; i < DSN_TLS_FILES; i++)
        if (waits_at(tls_files[i].keyword, files->tls[i], err))
            return false;
    return true;
}

/* ---- parameters ---- */

PGconn *dsn_begin_refused(const PQconninfoOption *given, const char *keyword)
{
    const char *keywords[DSN_PARAMS_MAX + 2], *values[DSN_PARAMS_MAX + 2];
    size_t n = 0;
    for (const PQconninfoOption *o = given; o->keyword != NULL && n < DSN_PARAMS_MAX; o++)
        if (o->val != NULL && strcmp(o->keyword, keyword) != 0) {
            keywords[n] = o->keyword;
            values[n++] = o->val;
        }
    keywords[n] = keyword;
    values[n++] = "none, since this is no connection to make";
    keywords[n] = values[n] = NULL;
    return PQconnectStartParams(keywords, values, 0);
}

PQconninfoOption *dsn_resolve(const PQconninfoOption *given, struct err *err)
{
    struct service_files files;
    if (service_files_find(given, &files) && !service_good(&files, err))
        return NULL;
    /* libpq checks the keyword channel_binding first. */
    PGconn *refused = dsn_begin_refused(given, "channel_binding");
    PQconninfoOption *resolved = PQconninfo(refused);
    PQfinish(refused);
    if (resolved == NULL)
        err_set(err, 0, "out of memory");
    return resolved;
}

bool dsn_is_said(const PQconninfoOption *given, const PQconninfoOption *resolved,
                 const char *keyword)
{
    const PQconninfoOption *option = find_option(resolved, keyword);
    if (dsn_find(given, keyword) != NULL)
        return true;
    if (option == NULL || option->val == NULL)
        return false;
    if (option->compiled == NULL || strcmp(option->val, option->compiled) != 0)
        return true;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): the environment does not change any more */
    const char *env = option->envvar != NULL ? getenv(option->envvar) : NULL;
    return env != NULL || service_file_says(given, keyword);
}

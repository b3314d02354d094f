/* service_file.c - reads the files of connection services; see service_file.h. The system's file is
 * read only if the user's file does not have the service. In both, "[service]" begins a service,
 * and lines of "keyword=value" follow. */
#include "pqpool/service_file.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "pqpool/dsn_around.h"

enum { LINE_BYTES = 1024, PASSWD_BYTES = 4096 };

enum answer { ABSENT, SAID, UNSAID };

static const char *from_environment(const char *name)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): no thread may change the environment */
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

static const char *service_of(const PQconninfoOption *given)
{
    const char *service = dsn_find(given, "service");
    return service != NULL ? service : from_environment("PGSERVICE");
}

/* Cuts the blanks at both ends of the line, and returns the rest. */
static char *trim(char *line)
{
    size_t len = strlen(line);
    while (len > 0 && strchr(" \t\r\n", line[len - 1]) != NULL)
        line[--len] = '\0';
    return line + strspn(line, " \t");
}

static bool is_section(const char *line, const char *service)
{
    size_t len = strlen(service);
    return strncmp(line + 1, service, len) == 0 && line[1 + len] == ']';
}

static bool is_parameter(const char *line, const char *keyword)
{
    size_t len = strlen(keyword);
    return strncmp(line, keyword, len) == 0 && line[len] == '=';
}

/* Opens a regular file. Returns NULL for any other file, because reading it might block. */
static FILE *open_file(const char *path)
{
    struct stat stat;
    const char *why;
    int fd = file_open(path, &stat, &why);
    FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;
    if (fd >= 0 && file == NULL)
        (void)close(fd);
    return file;
}

/* Looks for a parameter of a service in one file. SAID: the service sets it. UNSAID: the file has
 * the service, which does not set it. ABSENT: the file does not have the service. */
static enum answer look_in(const char *path, const char *service, const char *keyword)
{
    char buffer[LINE_BYTES];
    enum answer answer = ABSENT;
    FILE *file = open_file(path);
    while (file != NULL && answer != SAID && fgets(buffer, sizeof buffer, file) != NULL) {
        const char *line = trim(buffer);
        if (line[0] == '[' && answer == UNSAID)
            break; /* the next service begins here */
        if (line[0] == '[' && is_section(line, service))
            answer = UNSAID;
        else if (answer == UNSAID && is_parameter(line, keyword))
            answer = SAID;
    }
    if (file != NULL)
        (void)fclose(file);
    return answer;
}

/* Writes the path of a file in a folder, or "" if the path is too long. */
static void put_path(char path[SERVICE_PATH_SIZE], const char *folder, const char *name)
{
    if (snprintf(path, SERVICE_PATH_SIZE, "%s%s", folder, name) >= SERVICE_PATH_SIZE)
        path[0] = '\0';
}

void service_home_path(const char *name, char *path, size_t size)
{
    const char *home = from_environment("HOME");
    char buffer[PASSWD_BYTES];
    struct passwd passwd, *found = NULL;
    if (home == NULL && getpwuid_r(geteuid(), &passwd, buffer, sizeof buffer, &found) == 0 &&
        found != NULL)
        home = found->pw_dir;
    if (home == NULL || snprintf(path, size, "%s%s", home, name) >= (int)size)
        path[0] = '\0';
}

static void find_users(const PQconninfoOption *given, char path[SERVICE_PATH_SIZE])
{
    const char *told = dsn_find(given, "servicefile"); /* libpq 18 has this keyword */
    if (told == NULL)
        told = from_environment("PGSERVICEFILE");
    if (told != NULL)
        put_path(path, told, "");
    else
        service_home_path("/.pg_service.conf", path, SERVICE_PATH_SIZE);
}

bool service_files_find(const PQconninfoOption *given, struct service_files *out)
{
    const char *folder = from_environment("PGSYSCONFDIR");
    if (service_of(given) == NULL)
        return false;
    find_users(given, out->path[0]);
    put_path(out->path[1], folder != NULL ? folder : PQPOOL_LIBPQ_SYSCONFDIR, "/pg_service.conf");
    return true;
}

bool service_file_says(const PQconninfoOption *given, const char *keyword)
{
    struct service_files files;
    enum answer answer = ABSENT;
    if (!service_files_find(given, &files))
        return false;
    for (size_t i = 0; i < SERVICE_FILES && answer == ABSENT; i++)
        answer = look_in(files.path[i], service_of(given), keyword);
    return answer == SAID;
}

/* service_file.c - see service_file.h. The user's file comes first; where it does not know the
 * service, the system's does. Their form: "[service]", then lines of "keyword=value". */
#include "pqpool/service_file.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 1024, LINE_BYTES = 1024, PASSWD_BYTES = 4096 };

enum answer { ABSENT, SAID, UNSAID };

static const char *find(const PQconninfoOption *options, const char *keyword)
{
    for (const PQconninfoOption *o = options; o->keyword != NULL; o++)
        if (strcmp(o->keyword, keyword) == 0 && o->val != NULL && o->val[0] != '\0')
            return o->val;
    return NULL;
}

static const char *from_environment(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

/* Ends the line behind its last character that is no blank, and skips the blanks before it. */
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

/* ABSENT: the file does not know the service. */
static enum answer look_in(const char *path, const char *service, const char *keyword)
{
    char buffer[LINE_BYTES];
    enum answer answer = ABSENT;
    FILE *file = fopen(path, "re");
    while (file != NULL && answer != SAID && fgets(buffer, sizeof buffer, file) != NULL) {
        const char *line = trim(buffer);
        if (line[0] == '[' && answer == UNSAID)
            break; /* the next one begins */
        if (line[0] == '[' && is_section(line, service))
            answer = UNSAID;
        else if (answer == UNSAID && is_parameter(line, keyword))
            answer = SAID;
    }
    if (file != NULL)
        (void)fclose(file);
    return answer;
}

static bool user_file(char path[PATH_BYTES])
{
    const char *home = from_environment("HOME");
    char buffer[PASSWD_BYTES];
    struct passwd passwd, *found = NULL;
    if (home == NULL && getpwuid_r(geteuid(), &passwd, buffer, sizeof buffer, &found) == 0 &&
        found != NULL)
        home = found->pw_dir;
    return home != NULL && snprintf(path, PATH_BYTES, "%s/.pg_service.conf", home) < PATH_BYTES;
}

static bool system_file(char path[PATH_BYTES])
{
    const char *folder = from_environment("PGSYSCONFDIR");
    return snprintf(path, PATH_BYTES, "%s/pg_service.conf",
                    folder != NULL ? folder : PQPOOL_LIBPQ_SYSCONFDIR) < PATH_BYTES;
}

bool service_file_says(const PQconninfoOption *given, const char *keyword)
{
    char path[PATH_BYTES];
    const char *service = find(given, "service");
    const char *told = find(given, "servicefile"); /* libpq 18 */
    enum answer answer = ABSENT;
    if (service == NULL && (service = from_environment("PGSERVICE")) == NULL)
        return false;
    if (told == NULL)
        told = from_environment("PGSERVICEFILE");
    if (told != NULL)
        answer = look_in(told, service, keyword);
    else if (user_file(path))
        answer = look_in(path, service, keyword);
    if (answer == ABSENT && system_file(path))
        answer = look_in(path, service, keyword);
    return answer == SAID;
}

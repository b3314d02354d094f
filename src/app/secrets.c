/* secrets.c - see secrets.h. In /proc the kernel always shows the memory of the strings with which
 * the process was started. So the process uses copies, and overwrites the originals. */
#include "app/secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/options.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"

/* Two lists of the same copied strings. The strings live until the process ends. unsetenv() and
 * main() remove strings from `used` only. `kept` still points to these strings, so LeakSanitizer
 * reports no leak. */
struct strings {
    char **kept, **used;
};
static struct strings arguments, environment;

/* ---- the arguments and the environment ---- */

static bool copy_strings(char *const from[], struct strings *to)
{
    size_t n = 0;
    while (from[n] != NULL)
        n++;
    to->kept = calloc(n + 1, sizeof *to->kept);
    to->used = calloc(n + 1, sizeof *to->used);
    if (to->kept == NULL || to->used == NULL)
        return false;
    for (size_t i = 0; i < n; i++) {
        to->kept[i] = to->used[i] = strdup(from[i]);
        if (to->kept[i] == NULL)
            return false;
    }
    return true;
}

static void cover(char *text)
{
    size_t len = strlen(text);
    explicit_bzero(text, len);
    memset(text, '*', len < 3 ? len : 3);
}

/* Converts one letter of an option's name to the form that it has in a command-line argument (if
 * `flag`: '_' becomes '-') or in an environment variable (upper case). */
static int name_char(char letter, bool flag)
{
    if (flag)
        return letter == '_' ? '-' : letter;
    return letter >= 'a' && letter <= 'z' ? letter - 'a' + 'A' : letter;
}

/* `text` is a command-line argument if `flag`, else an environment string. Returns the part of
 * `text` after the option's name, or NULL if `text` does not begin with that name. */
static char *text_after(char *text, const char *name, bool flag)
{
    if (flag && strncmp(text, "--", 2) != 0)
        return NULL;
    text += flag ? 2 : 0;
    for (; *name != '\0'; name++, text++) {
        if (*text != name_char(*name, flag))
            return NULL;
    }
    return text;
}

static char *text_after_secret(char *text, bool flag)
{
    for (size_t i = 0; i < options_table.n_opts; i++) {
        const struct conf_opt *opt = &options_table.opts[i];
        char *rest = (opt->flags & CONF_SECRET) != 0 ? text_after(text, opt->name, flag) : NULL;
        if (rest != NULL && (*rest == '=' || (flag && *rest == '\0')))
            return rest;
    }
    /* libpq itself reads PGPASSWORD, which is no option. */
    return flag ? NULL : text_after(text, "pgpassword", false);
}

static void cover_flags(char *argv[])
{
    for (char **arg = argv; *arg != NULL; arg++) {
        char *rest = text_after_secret(*arg, true);
        if (rest == NULL)
            continue;
        if (*rest == '=')
            cover(rest + 1);
        else if (arg[1] != NULL && strncmp(arg[1], "--", 2) != 0)
            cover(arg[1]);
    }
}

static void cover_environment(char *env[])
{
    for (char **entry = env; *entry != NULL; entry++) {
        char *rest = text_after_secret(*entry, false);
        if (rest != NULL && *rest == '=')
            cover(rest + 1);
    }
}

char **secrets_hide(int argc, char *argv[])
{
    if (argc < 1)
        return NULL;
    if (!copy_strings(argv, &arguments) || !copy_strings(environ, &environment))
        return NULL;
    cover_flags(argv);
    cover_environment(environ);
    environ = environment.used;
    return arguments.used;
}

/* ---- memory ---- */

/* A core limit of 0 alone does not suffice, because the kernel ignores it if core_pattern is a
 * pipe. But the kernel never writes the core of a process that is not dumpable. */
void secrets_keep_from_dumps(const struct options *options)
{
    const struct rlimit none = { 0, 0 };
    if (options->core_dumps)
        return;
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* ---- files ---- */

/* Returns true if the file is a mount of its own, as the secrets of a container are. Who else may
 * read such a file depends on folders of the host, which this process cannot see. */
static bool is_mounted_alone(const char *path)
{
    struct statx file;
    return statx(AT_FDCWD, path, 0, STATX_TYPE, &file) == 0 &&
           (file.stx_attributes & file.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0;
}

/* Returns true if this process could still read the file after chmod o-r. */
static bool is_ours(const struct stat *file)
{
    uid_t user = geteuid();
    return user == 0 || user == file->st_uid ||
           ((file->st_mode & S_IRGRP) != 0 && group_member(file->st_gid) != 0);
}

void secrets_warn_of_file(const char *event, const char *option, const char *path)
{
    struct stat file;
    char text[160] = "everyone on this machine may read the file: chmod o-r";
    if (path == NULL || path[0] == '\0' || stat(path, &file) != 0 ||
        (file.st_mode & S_IROTH) == 0 || is_mounted_alone(path))
        return;
    if (!is_ours(&file))
        (void)snprintf(
            text, sizeof text,
            "everyone on this machine may read the file, and user %u for no other reason: give "
            "the file to that user (chown %u), then chmod o-r",
            (unsigned)geteuid(), (unsigned)geteuid());
    log_event(LOG_WARN, event, log_str("option", option), log_str("file", path),
              log_str("text", text));
}

static void warn_of(const char *option, const char *path)
{
    secrets_warn_of_file("secret.readable_by_all", option, path);
}

void secrets_warn_of_files(const struct options *options)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): nothing changes the environment any more */
    warn_of("DATABASE_URL_FILE", getenv("DATABASE_URL_FILE"));
    warn_of("DATABASE_PASSWORD_FILE", options->database.password_file);
    warn_of("TLS_KEY_FILE", options->tls.key_file);
}

bool secrets_check_files(const struct options *options, struct err *err)
{
    const char *path = options->database.password_file;
    struct stat file;
    const char *why;
    if (path[0] == '\0')
        return true;
    int fd = file_open(path, &file, &why);
    if (fd >= 0)
        (void)close(fd);
    else
        err_set(err, 0, "DATABASE_PASSWORD_FILE=%.120s: %s%s", path,
                errno != 0 ? "cannot read it: " : "", why);
    return fd >= 0;
}

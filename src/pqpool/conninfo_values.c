/* conninfo_values.c - checks the values of libpq's keywords (words, numbers, hosts and ports), and
 * the files that the values name; see conninfo.h. A keyword that this libpq does not know has no
 * value and is skipped. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "pqpool/conninfo.h"
#include "pqpool/service_file.h"

enum { PORT_MAX = 65535, PART_MAX = 256, LIBPQ_16 = 160000 };

/* Where libpq looks for the root certificates if sslrootcert is not set. */
#define ROOTS_IN_HOME "/.postgresql/root.crt"

/* ---- words and numbers ---- */

/* clang-format off */
static const struct words {
    const char *keyword;
    const char *right[7]; /* the allowed values; NULL after the last */
} words[] = {
    { "sslmode",              { "disable", "allow", "prefer", "require", "verify-ca", "verify-full" } },
    { "target_session_attrs", { "any", "read-write", "read-only", "primary", "standby", "prefer-standby" } },
    { "channel_binding",      { "disable", "prefer", "require" } },
    { "gssencmode",           { "disable", "prefer", "require" } },
    { "load_balance_hosts",   { "disable", "random" } },
    { "sslcertmode",          { "disable", "allow", "require" } },
    { "sslnegotiation",       { "postgres", "direct" } },
    { "sslsni",               { "0", "1" } },
    { "sslcompression",       { "0", "1" } },
    { "gssdelegation",        { "0", "1" } },
    { "ssl_min_protocol_version", { "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3" } },
    { "ssl_max_protocol_version", { "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3" } },
    /* A session in replication mode cannot prepare statements, so the mode must be off. */
    { "replication",          { "false", "off", "no", "0" } },
};

static const struct {
    const char *keyword, *right;
} numbers[] = {
    { "connect_timeout",     "must be a whole number of seconds" },
    { "keepalives",          "must be 1 or 0" },
    { "keepalives_idle",     "must be a whole number of seconds" },
    { "keepalives_interval", "must be a whole number of seconds" },
    { "keepalives_count",    "must be a whole number" },
    { "tcp_user_timeout",    "must be a whole number of milliseconds" },
};
/* clang-format on */

static bool is_protocol(const char *keyword)
{
    return strncmp(keyword, "ssl_m", 5) == 0; /* libpq ignores the case of these values */
}

static bool is_one_of(const struct words *row, const char *value)
{
    for (size_t i = 0; row->right[i] != NULL; i++)
        if (is_protocol(row->keyword) ? strcasecmp(value, row->right[i]) == 0
                                      : strcmp(value, row->right[i]) == 0)
            return true;
    return false;
}

static bool check_words(const struct conninfo *info, struct err *err)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        const struct words *row = &words[i];
        const char *value = conninfo_value(info, row->keyword);
        char right[160] = "must be ";
        if (value == NULL || is_one_of(row, value))
            continue;
        for (size_t j = 0, len = strlen(right); row->right[j] != NULL && len < sizeof right; j++)
            len += (size_t)snprintf(right + len, sizeof right - len, "%s%s",
                                    j == 0                      ? ""
                                    : row->right[j + 1] != NULL ? ", "
                                                                : " or ",
                                    row->right[j]);
        return conninfo_refuse(info, row->keyword, value, right, err);
    }
    return true;
}

bool conninfo_number(const char *text, long least, long most, long *out)
{
    char *end;
    errno = 0;
    *out = strtol(text, &end, 10);
    bool any = end != text;
    end += strspn(end, " \t\r\n");
    return any && *end == '\0' && errno == 0 && *out >= least && *out <= most;
}

static bool check_numbers(const struct conninfo *info, struct err *err)
{
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        const char *value = conninfo_value(info, numbers[i].keyword);
        long number;
        if (value != NULL && !conninfo_number(value, INT_MIN, INT_MAX, &number))
            return conninfo_refuse(info, numbers[i].keyword, value, numbers[i].right, err);
    }
    return true;
}

/* ---- hosts, addresses and ports: lists, separated by commas ---- */

unsigned conninfo_count_parts(const char *list)
{
    unsigned n = list != NULL;
    for (const char *c = list; c != NULL && *c != '\0'; c++)
        n += *c == ',';
    return n;
}

/* Copies the next part of the list, and cuts it if it is too long. Returns false at the end of
 * the list. */
static bool next_part(const char **list, char out[PART_MAX])
{
    if (*list == NULL)
        return false;
    size_t len = strcspn(*list, ",");
    (void)snprintf(out, PART_MAX, "%.*s", len < PART_MAX ? (int)len : PART_MAX - 1, *list);
    *list = (*list)[len] == ',' ? *list + len + 1 : NULL;
    return true;
}

static bool is_address(const char *text)
{
    struct in6_addr v6;
    struct in_addr v4;
    char v6_text[INET6_ADDRSTRLEN];
    /* An IPv6 scope, such as %eth0 in fe80::1%eth0, is not checked. */
    (void)snprintf(v6_text, sizeof v6_text, "%.*s", (int)strcspn(text, "%"), text);
    return inet_pton(AF_INET, text, &v4) == 1 || inet_pton(AF_INET6, v6_text, &v6) == 1;
}

/* Returns what is wrong with a host; NULL: nothing. */
static const char *fault_of_host(const char *host, bool uri)
{
    if (host[0] == '/' || host[0] == '@')
        return NULL; /* the folder of a socket, or an abstract socket */
    if (strchr(host, '@') != NULL)
        return uri ? "a @ in a host; a password's @ is %40 in a URI" : "a @ in a host";
    if (strchr(host, ':') != NULL && !is_address(host))
        return "a : in a host; say the port as port=5432";
    if (strpbrk(host, " \t/") != NULL)
        return "must be a name, an address, or the folder of a socket, which begins with /";
    return NULL;
}

static const char *fault_of_address(const char *address, bool uri)
{
    (void)uri;
    return address[0] == '\0' || is_address(address) ? NULL : "must be an IPv4 or IPv6 address";
}

static const char *fault_of_port(const char *port, bool uri)
{
    long number;
    if (port[0] == '\0' || conninfo_number(port, 1, PORT_MAX, &number))
        return NULL;
    return uri ? "must be a port, 1 to 65535; a / in a password is %2F in a URI"
               : "must be a port, 1 to 65535";
}

static bool check_parts(const struct conninfo *info, const char *keyword,
                        const char *(*fault_of)(const char *part, bool uri), struct err *err)
{
    char part[PART_MAX];
    const char *list = conninfo_value(info, keyword);
    while (next_part(&list, part)) {
        const char *fault = fault_of(part, info->is_uri);
        if (fault != NULL)
            return conninfo_refuse(info, keyword, part, fault, err);
    }
    return true;
}

static bool check_lengths(const struct conninfo *info, struct err *err)
{
    char right[120];
    unsigned hosts = conninfo_count_parts(conninfo_value(info, "host"));
    unsigned addresses = conninfo_count_parts(conninfo_value(info, "hostaddr"));
    unsigned ports = conninfo_count_parts(conninfo_value(info, "port"));
    unsigned n = hosts > addresses ? hosts : addresses;
    if (hosts > 0 && addresses > 0 && hosts != addresses) {
        (void)snprintf(right, sizeof right, "%u for %u hosts; say one for each host", addresses,
                       hosts);
        return conninfo_refuse(info, "hostaddr", NULL, right, err);
    }
    if (ports > 1 && ports != n) {
        (void)snprintf(right, sizeof right, "%u for %u hosts; say one, or one for each host", ports,
                       n > 0 ? n : 1);
        return conninfo_refuse(info, "port", NULL, right, err);
    }
    return true;
}

static bool check_hosts(const struct conninfo *info, struct err *err)
{
    return check_parts(info, "host", fault_of_host, err) &&
           check_parts(info, "hostaddr", fault_of_address, err) &&
           check_parts(info, "port", fault_of_port, err) && check_lengths(info, err);
}

/* ---- files ---- */

static bool is_absent(const char *path)
{
    struct stat file;
    return stat(path, &file) != 0 && (errno == ENOENT || errno == ENOTDIR);
}

/* Returns why the file or folder cannot be read; NULL: it can. */
static const char *fault_of_file(const char *path, bool folder)
{
    struct stat file;
    if (stat(path, &file) != 0)
        return strerrordesc_np(errno);
    if (folder ? !S_ISDIR(file.st_mode) : !S_ISREG(file.st_mode))
        return folder ? "it is no folder" : "it is no regular file";
    return access(path, R_OK) == 0 ? NULL : strerrordesc_np(errno);
}

/* Checks a file or folder that a keyword names. must_be: true if the file must exist; false if
 * libpq goes on without an absent file, so that its absence is no fault. */
static bool check_file(const struct conninfo *info, const char *keyword, bool folder, bool must_be,
                       struct err *err)
{
    char right[120];
    const char *path = conninfo_value(info, keyword);
    if (path != NULL && !must_be && is_absent(path))
        return true;
    const char *fault = path != NULL ? fault_of_file(path, folder) : NULL;
    if (fault == NULL)
        return true;
    (void)snprintf(right, sizeof right, "cannot read it: %s; name a %s that is there", fault,
                   folder ? "folder" : "file");
    return conninfo_refuse(info, keyword, path, right, err);
}

/* Checks the private key. libpq refuses a certificate without its key, and a key that other users
 * may read. If root owns the key, the key's group may read it. */
static bool check_key(const struct conninfo *info, struct err *err)
{
    struct stat file;
    const char *path = conninfo_value(info, "sslkey");
    if (path == NULL || strchr(path, ':') != NULL) /* ENGINE:KEY (OpenSSL engine) is not a file */
        return true;
    const char *certificate = conninfo_value(info, "sslcert");
    bool needed = certificate != NULL && !is_absent(certificate);
    if (!check_file(info, "sslkey", false, needed, err))
        return false;
    if (is_absent(path))
        return true;
    mode_t others =
        S_IRWXO | (stat(path, &file) == 0 && file.st_uid == 0 ? S_IWGRP | S_IXGRP : S_IRWXG);
    if ((file.st_mode & others) == 0)
        return true;
    return conninfo_refuse(info, "sslkey", path,
                           "others may read this key, so libpq refuses it; chmod 600", err);
}

static bool check_roots(const struct conninfo *info, struct err *err)
{
    char path[PATH_MAX];
    const char *named = conninfo_value(info, "sslrootcert");
    const char *mode = conninfo_value(info, "sslmode");
    if (named != NULL && strcmp(named, "system") == 0 && PQlibVersion() >= LIBPQ_16)
        return true;
    const bool verifies = mode != NULL && strncmp(mode, "verify-", 7) == 0;
    if (named != NULL)
        return check_file(info, "sslrootcert", false, verifies, err);
    service_home_path(ROOTS_IN_HOME, path, sizeof path);
    if (!verifies || access(path, R_OK) == 0)
        return true;
    return conninfo_refuse(info, "sslmode", mode,
                           "nothing says whom to trust: name the authorities' file by "
                           "sslrootcert, or put it at ~" ROOTS_IN_HOME,
                           err);
}

/* Returns true if libpq may encrypt. On a Unix socket libpq never does. */
static bool uses_tls(const struct conninfo *info)
{
    char host[PART_MAX];
    const char *mode = conninfo_value(info, "sslmode");
    const char *list = conninfo_value(info, "host");
    bool network = conninfo_value(info, "hostaddr") != NULL;
    while (next_part(&list, host))
        network |= host[0] != '/' && host[0] != '@' && host[0] != '\0';
    return network && (mode == NULL || strcmp(mode, "disable") != 0);
}

static bool check_files(const struct conninfo *info, struct err *err)
{
    return !uses_tls(info) ||
           (check_roots(info, err) && check_file(info, "sslcert", false, false, err) &&
            check_key(info, err) && check_file(info, "sslcrl", false, false, err) &&
            check_file(info, "sslcrldir", true, false, err));
}

bool conninfo_values_check(const struct conninfo *info, struct err *err)
{
    return check_words(info, err) && check_numbers(info, err) && check_hosts(info, err) &&
           check_files(info, err);
}

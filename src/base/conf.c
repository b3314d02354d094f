/* conf.c - see conf.h. Loads the values from defaults, environment, files and flags. conf_value.c
 * parses a single value, and conf_print.c prints the table.
 *
 * conf_load() fills a copy of the struct. Only after every source was read without error does it
 * copy the options to the caller's struct. */
#include "base/conf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/conf_value.h"
#include "base/err.h"
#include "base/file.h"
#include "base/one_line.h"

enum {
    NAME_SIZE = 80,  /* longest option name, as a flag or in the environment */
    SHOWN_BYTES = 60 /* of a bad value, in an error text */
};

static void *member_of(const struct conf_opt *opt, void *conf)
{
    return (char *)conf + opt->off;
}

static const struct conf_opt *find_opt(const struct conf_table *table, const char *name)
{
    for (size_t i = 0; i < table->n_opts; i++)
        if (strcmp(table->opts[i].name, name) == 0)
            return &table->opts[i];
    return NULL;
}

/* ---- one value ---- */

static void report_invalid(const struct conf_opt *opt, const char *as_written, const char *text,
                           struct err *err)
{
    static const char *const kinds[] = {
        [CONF_BOOL] = "",
        [CONF_UINT] = "a whole number, ",
        [CONF_DOUBLE] = "a number, ",
        [CONF_DURATION] = "seconds, or a duration like 500ms or 2m, ",
        [CONF_SIZE] = "bytes, or a size like 64KiB or 4MiB, ",
        [CONF_STRING] = "",
        [CONF_ENUM] = "",
    };
    char memory[128];
    struct buf bounds = BUF_OVER(memory);
    conf_show_bounds(opt, &bounds);
    err_set(err, 0, "%s=%.*s: must be %s%s", as_written, SHOWN_BYTES,
            (opt->flags & CONF_SECRET) != 0 ? "***" : text, kinds[opt->type], bounds.data);
}

static bool set_member(const struct conf_opt *opt, void *conf, const char *as_written,
                       const char *text, struct err *err)
{
    if (conf_parse(opt, text, member_of(opt, conf)))
        return true;
    report_invalid(opt, as_written, text, err);
    return false;
}

bool conf_set(const struct conf_table *table, void *conf, const char *name, const char *text,
              struct err *err)
{
    const struct conf_opt *opt = find_opt(table, name);
    if (opt != NULL)
        return set_member(opt, conf, name, text, err);
    err_set(err, 0, "%.*s: no such option", SHOWN_BYTES, name);
    return false;
}

/* ---- defaults and environment ---- */

static bool load_defaults(const struct conf_table *table, void *conf, struct err *err)
{
    for (size_t i = 0; i < table->n_opts; i++)
        if (!set_member(&table->opts[i], conf, table->opts[i].name, table->opts[i].def, err))
            return false;
    return true;
}

static const char *env_value(char *const env[], const char *name)
{
    size_t len = strlen(name);
    for (; *env != NULL; env++)
        if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
            return *env + len + 1;
    return NULL;
}

/* Reads at most content->max bytes of the file. On failure returns false, and *why is the reason.
 * errno is 0 if the kind of the file is rejected; otherwise it is the error of the call that
 * failed. */
static bool read_value_file(const char *path, struct buf *content, const char **why)
{
    struct stat file;
    if (!buf_reserve(content, content->max)) {
        errno = ENOMEM;
        *why = "out of memory";
        return false;
    }
    int fd = file_open(path, &file, why);
    if (fd < 0)
        return false;
    ssize_t n;
    while ((n = read(fd, content->data + content->len, content->max - content->len)) > 0)
        content->len += (size_t)n;
    int error = errno;
    (void)close(fd);
    errno = error;
    *why = strerrordesc_np(error);
    return n == 0;
}

static bool load_file(const struct conf_opt *opt, void *conf, const char *as_written,
                      const char *path, struct err *err)
{
    /* Only the first bytes of a long file are read, as many as this buffer holds. These are more
     * bytes than any valid value has, plus those that one_line_trim() removes. So conf_parse()
     * rejects the value of such a file as too long. */
    struct buf content = BUF_INIT(opt->size + 1 + ONE_LINE_AROUND);
    const char *why, *wrong = NULL;
    bool ok = read_value_file(path, &content, &why);
    if (!ok)
        err_set(err, 0, "%s=%.*s: %s%s", as_written, SHOWN_BYTES, path,
                errno != 0 ? "cannot read it: " : "", why);
    else if ((wrong = one_line_trim(content.data, &content.len)) != NULL)
        err_set(err, 0, "%s=%.*s: the file %s", as_written, SHOWN_BYTES, path, wrong);
    else
        ok = set_member(opt, conf, as_written, content.data, err);
    ok = ok && wrong == NULL;
    if (content.data != NULL)
        explicit_bzero(content.data, content.cap); /* the content may be a secret */
    buf_fini(&content);
    return ok;
}

static bool load_env_opt(const struct conf_opt *opt, void *conf, char *const env[], struct err *err)
{
    char memory[NAME_SIZE], file_memory[NAME_SIZE];
    struct buf name = BUF_OVER(memory), file_name = BUF_OVER(file_memory);
    conf_show_env(opt->name, &name);
    conf_show_env(opt->name, &file_name);
    buf_add_str(&file_name, "_FILE");

    const char *text = env_value(env, name.data);
    const char *path = (opt->flags & CONF_FILE) != 0 ? env_value(env, file_name.data) : NULL;
    if (text != NULL && path != NULL) {
        err_set(err, 0, "%s and %s are both set: leave one out", name.data, file_name.data);
        return false;
    }
    if (path != NULL)
        return load_file(opt, conf, file_name.data, path, err);
    return text == NULL || set_member(opt, conf, name.data, text, err);
}

static bool load_env(const struct conf_table *table, void *conf, char *const env[], struct err *err)
{
    for (size_t i = 0; i < table->n_opts; i++)
        if (!load_env_opt(&table->opts[i], conf, env, err))
            return false;
    return true;
}

/* ---- flags ---- */

/* Returns Levenshtein's distance of two names. Only one row of the distance matrix is kept. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t row[NAME_SIZE];
    size_t b_len = strnlen(b, NAME_SIZE - 1);
    for (size_t j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < b_len; j++) {
            size_t best = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            best = best < diagonal + 1 ? best : diagonal + 1;
            row[j + 1] = best < row[j] + 1 ? best : row[j] + 1;
        }
    }
    return row[b_len];
}

/* Reports an unknown flag (without its value), and suggests the known flag that is nearest in
 * spelling, if any is near. */
static void unknown_flag(const struct conf_table *table, const char *flag, struct err *err)
{
    char memory[NAME_SIZE], nearest[NAME_SIZE] = "";
    size_t least = strlen(flag) / 4 + 1;
    for (size_t i = 0; i < table->n_opts; i++) {
        struct buf known = BUF_OVER(memory);
        conf_show_flag(table->opts[i].name, &known);
        size_t distance = edit_distance(flag, known.data);
        if (distance < least) {
            least = distance;
            memcpy(nearest, known.data, known.len + 1);
        }
    }
    if (nearest[0] != '\0')
        err_set(err, 0, "%s: no such option; did you mean %s?", flag, nearest);
    else
        err_set(err, 0, "%s: no such option; see %s --help", flag, table->program);
}

static const struct conf_opt *find_flag(const struct conf_table *table, const char *flag)
{
    char memory[NAME_SIZE];
    for (size_t i = 0; i < table->n_opts; i++) {
        struct buf known = BUF_OVER(memory);
        conf_show_flag(table->opts[i].name, &known);
        if (strcmp(known.data, flag) == 0)
            return &table->opts[i];
    }
    return NULL;
}

/* Loads the flag at args[0]. Returns the number of arguments used, 1 or 2, or 0 on error. */
static int load_flag(const struct conf_table *table, void *conf, int n, char *const args[],
                     struct err *err)
{
    char flag[NAME_SIZE];
    size_t len = strcspn(args[0], "=");
    const char *text = args[0][len] == '=' ? args[0] + len + 1 : NULL;
    (void)snprintf(flag, sizeof flag, "%.*s", len < NAME_SIZE ? (int)len : NAME_SIZE, args[0]);
    if (strncmp(flag, "--", 2) != 0) {
        err_set(err, 0, "%.*s: not an option; they are given as --name=value",
                (int)strcspn(flag, ":@"), flag); /* stops before the password of a URL */
        return 0;
    }
    const struct conf_opt *opt = find_flag(table, flag);
    if (opt == NULL) {
        unknown_flag(table, flag, err);
        return 0;
    }
    int took = 1;
    if (text == NULL && opt->type == CONF_BOOL) {
        text = "true";
    } else if (text == NULL && n > 1 && strncmp(args[1], "--", 2) != 0) {
        text = args[1];
        took = 2;
    } else if (text == NULL) {
        err_set(err, 0, "%s: a value is missing, as in %s=value", flag, flag);
        return 0;
    }
    return set_member(opt, conf, flag, text, err) ? took : 0;
}

static bool load_flags(const struct conf_table *table, void *conf, int argc, char *const argv[],
                       struct err *err)
{
    int took;
    for (int i = 1; i < argc; i += took) {
        took = load_flag(table, conf, argc - i, argv + i, err);
        if (took == 0)
            return false;
    }
    return true;
}

/* ---- all sources ---- */

static size_t extent(const struct conf_table *table)
{
    size_t end = 0;
    for (size_t i = 0; i < table->n_opts; i++)
        if (table->opts[i].off + table->opts[i].size > end)
            end = table->opts[i].off + table->opts[i].size;
    return end;
}

bool conf_load(const struct conf_table *table, void *conf, int argc, char *const argv[],
               char *const env[], struct err *err)
{
    size_t size = extent(table);
    CHECK(size > 0);
    void *made = calloc(1, size);
    if (made == NULL) {
        err_set(err, ERR_RETRYABLE, "out of memory");
        return false;
    }
    bool ok = load_defaults(table, made, err) && load_env(table, made, env, err) &&
              load_flags(table, made, argc, argv, err);
    for (size_t i = 0; ok && i < table->n_opts; i++) {
        const struct conf_opt *opt = &table->opts[i];
        memcpy(member_of(opt, conf), member_of(opt, made), opt->size);
    }
    explicit_bzero(made, size); /* `made` held secrets */
    free(made);
    return ok;
}

/* ---- comparing two options ---- */

static int64_t number_of(const struct conf_opt *opt, const void *conf)
{
    const void *member = (const char *)conf + opt->off;
    if (opt->type == CONF_UINT)
        return *(const uint32_t *)member;
    if (opt->type == CONF_DURATION)
        return *(const int64_t *)member;
    CHECK(opt->type == CONF_SIZE);
    return (int64_t) * (const uint64_t *)member; /* sizes are parsed as int64_t */
}

static void add_setting(const struct conf_opt *opt, const void *conf, struct buf *out)
{
    conf_show_env(opt->name, out);
    buf_add_char(out, '=');
    conf_show(opt, (const char *)conf + opt->off, out);
}

bool conf_check_order(const struct conf_table *table, const void *conf, const char *small,
                      const char *large, struct err *err)
{
    const struct conf_opt *low = find_opt(table, small);
    const struct conf_opt *high = find_opt(table, large);
    CHECK(low != NULL && high != NULL);
    if (number_of(low, conf) <= number_of(high, conf))
        return true;
    char low_memory[NAME_SIZE * 2], high_memory[NAME_SIZE * 2];
    struct buf low_text = BUF_OVER(low_memory), high_text = BUF_OVER(high_memory);
    add_setting(low, conf, &low_text);
    add_setting(high, conf, &high_text);
    err_set(err, 0, "%s is more than %s", low_text.data, high_text.data);
    return false;
}

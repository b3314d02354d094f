/* conf_print.c - prints the configuration table: the values (--print-config), and the options
 * (--help and docs/CONFIGURATION.md). */
#include <string.h>

#include "base/buf.h"
#include "base/conf.h"
#include "base/conf_value.h"

enum { HELP_COLUMNS = 100, HELP_INDENT = 6 };

void conf_print(const struct conf_table *table, const void *conf, struct buf *out)
{
    for (size_t i = 0; i < table->n_opts; i++) {
        const struct conf_opt *opt = &table->opts[i];
        const char *member = (const char *)conf + opt->off;
        conf_show_env(opt->name, out);
        buf_add_char(out, '=');
        if ((opt->flags & CONF_SECRET) == 0)
            conf_show(opt, member, out);
        else if (*member != '\0')
            buf_add_str(out, "***");
        buf_add_char(out, '\n');
    }
}

/* Returns true if the row is the first of its group of options. */
static bool begins_group(const struct conf_table *table, size_t row)
{
    const char *group = table->opts[row].group;
    const char *before = row > 0 ? table->opts[row - 1].group : NULL;
    return group != NULL && (before == NULL || strcmp(group, before) != 0);
}

/* Adds the text, indented and wrapped at HELP_COLUMNS. Every line ends with a newline. */
static void add_wrapped(struct buf *out, const char *text)
{
    size_t column = 0;
    while (*text != '\0') {
        size_t len = strcspn(text, " ");
        if (column > 0 && column + 1 + len > HELP_COLUMNS) {
            buf_add_char(out, '\n');
            column = 0;
        }
        if (column == 0)
            buf_printf(out, "%*s", HELP_INDENT, "");
        else
            buf_add_char(out, ' ');
        column += (column == 0 ? HELP_INDENT : 1) + len;
        buf_add(out, text, len);
        text += len;
        text += strspn(text, " ");
    }
    buf_add_char(out, '\n');
}

static void help_for(const struct conf_opt *opt, struct buf *out)
{
    static const char *const values[] = {
        [CONF_BOOL] = "[=BOOL]",       [CONF_UINT] = "=NUMBER", [CONF_DOUBLE] = "=NUMBER",
        [CONF_DURATION] = "=DURATION", [CONF_SIZE] = "=SIZE",   [CONF_STRING] = "=TEXT",
        [CONF_ENUM] = "=WORD",
    };
    char memory[1024];
    struct buf text = BUF_OVER(memory);
    buf_add_str(&text, opt->doc);
    buf_printf(&text, " Default %s; ", opt->def[0] != '\0' ? opt->def : "none");
    conf_show_bounds(opt, &text);
    buf_add_char(&text, '.');
    if ((opt->flags & CONF_FILE) != 0) {
        buf_add_str(&text, " In the environment, ");
        conf_show_env(opt->name, &text);
        buf_add_str(&text, "_FILE may name a file that holds it.");
    }

    buf_add_str(out, "  ");
    conf_show_flag(opt->name, out);
    buf_printf(out, "%s\n", values[opt->type]);
    add_wrapped(out, text.data);
}

void conf_help(const struct conf_table *table, struct buf *out)
{
    buf_printf(
        out,
        "Usage: %s [--name=value]...\n\n"
        "Each option may also be set in the environment: --http-port as HTTP_PORT; the flag\n"
        "counts for more. DURATION: seconds (0.5), or with us, ms, s, m or h. SIZE: bytes,\n"
        "or with KiB, MiB or GiB. BOOL: true or false.\n",
        table->program);
    for (size_t i = 0; i < table->n_opts; i++) {
        if (begins_group(table, i))
            buf_printf(out, "\n%s\n", table->opts[i].group);
        help_for(&table->opts[i], out);
    }
}

static void markdown_row(const struct conf_opt *opt, struct buf *out)
{
    buf_add_str(out, "| `");
    conf_show_flag(opt->name, out);
    buf_add_str(out, "` | `");
    conf_show_env(opt->name, out);
    if ((opt->flags & CONF_FILE) != 0) {
        buf_add_str(out, "` or `");
        conf_show_env(opt->name, out);
        buf_add_str(out, "_FILE");
    }
    if (opt->def[0] != '\0')
        buf_printf(out, "` | `%s` | ", opt->def);
    else
        buf_add_str(out, "` | none | ");
    conf_show_bounds(opt, out);
    buf_printf(out, " | %s", opt->doc);
    if ((opt->flags & CONF_SECRET) != 0)
        buf_add_str(out, " A secret: never shown.");
    if ((opt->flags & CONF_RELOAD) != 0) {
        buf_add_str(out, " SIGHUP reads the file of `");
        conf_show_env(opt->name, out);
        buf_add_str(out, "_FILE` again.");
    }
    buf_add_str(out, " |\n");
}

void conf_markdown(const struct conf_table *table, struct buf *out)
{
    buf_add_str(
        out,
        "A flag takes precedence over the environment, and the environment over the default.\n"
        "`NAME_FILE` names a file that holds the value; a byte order mark before it and one line "
        "end behind it are cut.\n\n"
        "- A duration is in seconds (`0.5`) or carries a unit: `us`, `ms`, `s`, `m`, `h`, `d`.\n"
        "- A size is in bytes or carries a unit: `KiB`, `MiB`, `GiB`.\n"
        "- A yes or no is `true`, `on`, `yes`, `1` or `false`, `off`, `no`, `0`;"
        " the flag alone means `true`.\n"
        "- Bounds are inclusive. A value out of bounds, or an unknown flag, is refused at "
        "start.\n");
    for (size_t i = 0; i < table->n_opts; i++) {
        if (begins_group(table, i))
            buf_printf(out,
                       "\n## %s\n\n| flag | environment | default | bounds | meaning |\n"
                       "|---|---|---|---|---|\n",
                       table->opts[i].group);
        markdown_row(&table->opts[i], out);
    }
}

/* err.c - see err.h. A message of libpq may have several lines; they are joined into one. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void one_line(char *text)
{
    for (char *c = text; *c != '\0'; c++)
        if (*c == '\n' || *c == '\r' || *c == '\t')
            *c = ' ';
    size_t len = strlen(text);
    while (len > 0 && text[len - 1] == ' ')
        text[--len] = '\0';
}

__attribute__((format(printf, 4, 0))) static void
err_vset(struct err *err, unsigned flags, const char *code, const char *fmt, va_list ap)
{
    struct err made = { .flags = flags }; /* built apart, because an argument may point into *err */
    if (code != NULL)
        (void)snprintf(made.code, sizeof made.code, "%s", code);
    (void)vsnprintf(made.text, sizeof made.text, fmt, ap);
    one_line(made.text);
    *err = made;
}

void err_set(struct err *err, unsigned flags, const char *fmt, ...)
{
    if (err == NULL)
        return;
    va_list ap;
    va_start(ap, fmt);
    err_vset(err, flags, NULL, fmt, ap);
    va_end(ap);
}

void err_set_code(struct err *err, unsigned flags, const char *code, const char *fmt, ...)
{
    if (err == NULL)
        return;
    va_list ap;
    va_start(ap, fmt);
    err_vset(err, flags, code, fmt, ap);
    va_end(ap);
}

const char *err_public_text(const struct err *err)
{
    if ((err->flags & ERR_PRIVATE) == 0)
        return err->text;
    return "the message of the database is withheld, since it may quote what was sent: see the log "
           "of the database server";
}

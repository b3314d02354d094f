/* disclosure.c - see disclosure.h. */
#include "observability/disclosure.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "http/http.h"
#include "pqpool/pqpool.h"

bool disclosure_is_full(bool disclose_all, struct http_request *req)
{
    return disclose_all || http_key_name(req) != NULL;
}

static void say(char *out, size_t size, const char *what, const char *sqlstate)
{
    if (sqlstate[0] != '\0')
        (void)snprintf(out, size, "%s (SQLSTATE %s)", what, sqlstate);
    else
        (void)snprintf(out, size, "%s", what);
}

void disclosure_of_dial(const struct pqpool_stats *pool, char *out, size_t size)
{
    /* clang-format off */
    static const struct {
        const char *class, *words;
    } rows[] = {
        { "refused", "no server accepts connections at the database's address" },
        { "timeout", "the database did not answer in time" },
        { "server",  "the database accepts no connections now" },
        { "config",  "the database server refuses the user, the password or the database name" },
        { "lost",    "the connection broke during its set-up" },
    };
    /* clang-format on */
    const char *class = pqpool_error_class_name(pool->server.error_class);
    const char *words = "no connection can be opened";
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (class != NULL && strcmp(rows[i].class, class) == 0)
            words = rows[i].words;
    say(out, size, pool->server.error[0] != '\0' ? words : "", pool->server.error_code);
}

/* Writes err->text only if the error has no flags and no SQLSTATE. Then the text is our own (the
 * version or the encoding of the server is wrong), so everyone may read it. */
void disclosure_of_schema(const struct err *err, char *out, size_t size)
{
    if (err->text[0] == '\0')
        say(out, size, "", "");
    else if (err->code[0] != '\0')
        say(out, size, "the database refuses a statement", err->code);
    else if (err->flags == 0)
        say(out, size, err->text, "");
    else
        say(out, size, "the database does not answer", "");
}

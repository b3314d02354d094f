/* before.c - makes ordersd_before out of ordersd: a stand-in for the release before the last
 * migration, for tests of upgrades. It knows one migration less (CMakeLists.txt), and its SQL names
 * no column that the last migration added. It stands in where the history of the repository, from
 * which the real release is built, is not there. The linker replaces the functions here; no source
 * of src/ knows of them. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "store/statement_text.h"
#include "support/wrap.h"

WRAP(statement_text);
REAL(statement_text);
WRAP(statement_spell);
REAL(statement_spell);

enum { STATEMENTS = STATEMENT_SEAL + 1, SQL_MAX = 8192 };

/* How the columns of the last migration leave the SQL: they are neither written nor read. A value
 * of the INSERT stays, so that the parameters are those of this release, and goes nowhere. */
static const struct {
    const char *text, *instead;
} changes[] = {
    { ", n.submitted_by", "" },
    { ", submitted_by", "" },
    { "o.submitted_by", "NULL" },
};

static void add_replaced(struct buf *out, const char *sql, const char *text, const char *instead)
{
    for (const char *found; (found = strstr(sql, text)) != NULL; sql = found + strlen(text)) {
        buf_add(out, sql, (size_t)(found - sql));
        buf_add_str(out, instead);
    }
    buf_add_str(out, sql);
}

/* Returns the SQL as the release before had it. The caller frees it. */
static char *before_of(const char *sql)
{
    char *now = strdup(sql);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct buf out = BUF_INIT(SQL_MAX);
        size_t len;
        CHECK(now != NULL);
        add_replaced(&out, now, changes[i].text, changes[i].instead);
        buf_add_char(&out, '\0');
        free(now);
        now = buf_steal(&out, &len);
    }
    return now;
}

static struct statement_text texts[STATEMENTS];

static void make_texts(void)
{
    for (int i = 0; i < STATEMENTS; i++) {
        texts[i] = *__real_statement_text((enum statement)i);
        texts[i].sql = before_of(texts[i].sql); /* for ever */
    }
    CHECK(strcmp(texts[STATEMENT_INSERT].sql, __real_statement_text(STATEMENT_INSERT)->sql) != 0);
}

const struct statement_text *__wrap_statement_text(enum statement which)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, make_texts);
    return &texts[which];
}

void __wrap_statement_spell(enum statement which, const char *const literals[], struct buf *out)
{
    struct buf spelt = BUF_INIT(SQL_MAX);
    __real_statement_spell(which, literals, &spelt);
    buf_add_char(&spelt, '\0');
    CHECK(!spelt.failed);
    char *sql = before_of(spelt.data);
    CHECK(sql != NULL);
    buf_add_str(out, sql);
    free(sql);
    buf_fini(&spelt);
}

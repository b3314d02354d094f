/* wishes.c - see wishes.h. */
#include "app/wishes.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "app/refuse.h"

/* False: it is given twice, or neither true nor false. */
static bool read_flag(struct http_request *req, const char *name, bool *out)
{
    size_t n = 0;
    const char *text = http_query(req, name, &n);
    *out = text != NULL && strcmp(text, "true") == 0;
    if (text == NULL || (n == 1 && (*out || strcmp(text, "false") == 0)))
        return true;
    char detail[96];
    (void)snprintf(detail, sizeof detail, "%s is true or false, and given once.", name);
    struct http_problem problem = http_map_problem(REFUSE_BAD_QUERY);
    problem.detail = detail;
    problem.outcome = "not_accepted";
    http_problem(req, &problem);
    return false;
}

/* One preference of the list, parameters aside: is it return=minimal, quoted or not? */
static bool is_minimal(const char *text, size_t len)
{
    static const char *const forms[] = { "return=minimal", "return=\"minimal\"" };
    while (len > 0 && strchr(" \t", text[len - 1]) != NULL)
        len--;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        if (strlen(forms[i]) == len && strncasecmp(text, forms[i], len) == 0)
            return true;
    return false;
}

static bool prefers_minimal(const char *prefer)
{
    while (prefer != NULL && *prefer != '\0') {
        prefer += strspn(prefer, ", \t");
        if (is_minimal(prefer, strcspn(prefer, ",;")))
            return true;
        prefer += strcspn(prefer, ",");
    }
    return false;
}

bool wishes_read(struct http_request *req, struct wishes *out)
{
    out->minimal = prefers_minimal(http_header(req, "Prefer"));
    out->lines = http_prefers(req, "application/x-ndjson", "application/json");
    return read_flag(req, "validate_only", &out->validate_only) &&
           read_flag(req, "atomic", &out->atomic);
}

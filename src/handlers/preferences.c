/* preferences.c - reads query parameters, Prefer and Accept. */
#include "handlers/preferences.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "handlers/reject.h"

/* Reads a query parameter that is true or false. If it is given twice or has another value, rejects
 * the request and returns false. */
static bool read_flag(struct http_request *req, const char *name, bool *out)
{
    size_t n = 0;
    const char *text = http_query(req, name, &n);
    *out = text != NULL && strcmp(text, "true") == 0;
    if (text == NULL || (n == 1 && (*out || strcmp(text, "false") == 0)))
        return true;
    char detail[96];
    (void)snprintf(detail, sizeof detail, "%s is true or false, and given once.", name);
    struct http_problem problem = statuses_problem(REJECT_BAD_QUERY);
    problem.detail = detail;
    problem.outcome = "not_accepted";
    http_problem(req, &problem);
    return false;
}

/* ---- Prefer (RFC 7240) ---- */

struct preference {
    const char *name, *value;
    size_t name_len, value_len; /* value_len is 0 if there is no value or an empty one */
};

struct return_preference {
    bool seen, minimal;
};

/* Returns the position after the quoted string or the token at `at`. */
static const char *skip_value(const char *at)
{
    if (*at != '"')
        return at + strcspn(at, ",; \t");
    for (at++; *at != '"' && *at != '\0'; at++)
        at += *at == '\\' && at[1] != '\0';
    return at + (*at == '"');
}

static const char *skip_blanks(const char *at)
{
    return at + strspn(at, " \t");
}

/* Reads one preference, such as "return=minimal" or "wait = 5". Returns the position after it, or
 * NULL at the end of the list. */
static const char *take_preference(const char *at, struct preference *out)
{
    at += strspn(at, ", \t");
    *out = (struct preference){ .name = at, .name_len = strcspn(at, "=,; \t") };
    if (*at == '\0')
        return NULL;
    at = skip_blanks(at + out->name_len);
    if (*at != '=')
        return at;
    out->value = skip_blanks(at + 1);
    at = skip_value(out->value);
    out->value_len = (size_t)(at - out->value);
    return at;
}

/* Skips the parameters of a preference. */
static const char *skip_parameters(const char *at)
{
    while (*at != '\0' && *at != ',')
        at = *at == '"' ? skip_value(at) : at + 1;
    return at;
}

static bool is_text(const char *text, size_t len, const char *want)
{
    return strlen(want) == len && strncasecmp(text, want, len) == 0;
}

/* Reads the list of a Prefer header. If a preference is given more than once, the first one
 * counts. */
static void read_prefer(void *arg, const char *list)
{
    struct return_preference *out = arg;
    struct preference preference;
    for (const char *at = list; (at = take_preference(at, &preference)) != NULL;) {
        const char *value = preference.value;
        size_t len = preference.value_len;
        if (!out->seen && is_text(preference.name, preference.name_len, "return")) {
            out->seen = true;
            out->minimal =
                len > 0 && (is_text(value, len, "minimal") || is_text(value, len, "\"minimal\""));
        }
        at = skip_parameters(at);
    }
}

bool preferences_read(struct http_request *req, struct preferences *out)
{
    struct return_preference preferred = { false, false };
    http_each_header(req, "Prefer", read_prefer, &preferred);
    out->minimal = preferred.minimal;
    return read_flag(req, "validate_only", &out->validate_only) &&
           read_flag(req, "atomic", &out->atomic);
}

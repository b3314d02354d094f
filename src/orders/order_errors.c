/* order_errors.c - see order_errors.h. Text of the client may be of any length. Where it is quoted,
 * it is cut between characters, so that the result is still UTF-8. */
#include "orders/order_errors.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { QUOTED_MAX = 40 };

size_t order_errors_clip(const char *text, size_t len, size_t max)
{
    if (len <= max)
        return len;
    while (max > 0 && ((unsigned char)text[max] & 0xc0) == 0x80)
        max--;
    return max;
}

void order_errors_quote(struct json_token token, char out[ORDER_SHOWN_SIZE])
{
    size_t shown = order_errors_clip(token.at, token.len, QUOTED_MAX);
    int n = snprintf(out, ORDER_SHOWN_SIZE, "%.*s", (int)shown, token.at);
    if (shown < token.len && n > 0)
        (void)snprintf(out + n, ORDER_SHOWN_SIZE - (size_t)n, "... (%zu bytes)", token.len);
}

/* Writes a JSON pointer: "/" and the name, ~ as ~0, / as ~1 (RFC 6901). Cuts a long name. */
static void write_pointer(char *out, size_t size, const char *member)
{
    size_t n = 0;
    out[n++] = '/';
    for (const char *c = member; *c != '\0'; c++) {
        if (n + 3 > size) { /* room for an escape and the NUL */
            out[n] = *c;
            n = order_errors_clip(out, n + 1, n);
            break;
        }
        if (*c != '~' && *c != '/') {
            out[n++] = *c;
            continue;
        }
        out[n++] = '~';
        out[n++] = *c == '~' ? '0' : '1';
    }
    out[n] = '\0';
}

static void say_there_are_more(struct order_error *last)
{
    last->pointer[0] = '\0';
    last->code = order_codes[ORDER_CODE_TOO_MANY_ERRORS].code;
    (void)snprintf(last->detail, sizeof last->detail,
                   "there are more errors than these %d: correct them and send again",
                   ORDER_ERRORS_MAX - 1);
}

void order_errors_add(struct order_errors *errors, const char *member, enum order_code code,
                      const char *fmt, ...)
{
    struct order_problem *problem = errors->problem;
    if (errors->full)
        return;
    errors->full = problem == NULL || errors->n == ORDER_ERRORS_MAX;
    if (problem == NULL) {
        errors->n++;
        return;
    }
    if (errors->full) {
        say_there_are_more(&problem->errors[ORDER_ERRORS_MAX - 1]);
        return;
    }
    if (errors->n == 0) {
        problem->code = "";
        problem->detail[0] = '\0';
        problem->offset = -1;
    }
    struct order_error *error = &problem->errors[errors->n];
    error->pointer[0] = '\0';
    if (member != NULL)
        write_pointer(error->pointer, sizeof error->pointer, member);
    error->code = order_codes[code].code;
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(error->detail, sizeof error->detail, fmt, ap);
    va_end(ap);
    problem->n_errors = ++errors->n;
}

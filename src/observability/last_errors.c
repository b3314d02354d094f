/* last_errors.c - see last_errors.h. */
#include "observability/last_errors.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void last_errors_init(struct last_errors *errors)
{
    *errors = (struct last_errors){ .entry = { { 0 } } };
    mutex_init(&errors->mu);
}

void last_errors_fini(struct last_errors *errors)
{
    mutex_fini(&errors->mu);
}

/* ---- the texts of an event ---- */

static void append(char *to, size_t size, const struct log_field *field)
{
    size_t len = strlen(to);
    const char *space = len > 0 ? " " : "";
    if (field->text != NULL && field->text[0] != '\0')
        (void)snprintf(to + len, size - len, "%s%s", space, field->text);
    else if (field->text == NULL)
        (void)snprintf(to + len, size - len, "%s%" PRId64, space, field->number);
}

/* Writes the values of those fields whose key is in `names`, in the order in which they stand in
 * `fields`. */
static void gather(char *to, size_t size, const struct log_field *fields, int count,
                   const char *const names[])
{
    to[0] = '\0';
    for (int i = 0; i < count; i++)
        for (size_t n = 0; names[n] != NULL; n++)
            if (fields[i].key != NULL && strcmp(fields[i].key, names[n]) == 0)
                append(to, size, &fields[i]);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Skips the digits and dots of the number at p. */
static const char *past_number(const char *p)
{
    while (is_digit(*p) || (*p == '.' && is_digit(p[1])))
        p++;
    return p;
}

static bool same_but_for_numbers(const char *a, const char *b)
{
    while (*a != '\0' && *b != '\0') {
        if (is_digit(*a) && is_digit(*b)) {
            a = past_number(a);
            b = past_number(b);
        } else if (*a++ != *b++) {
            return false;
        }
    }
    return *a == *b;
}

static bool same_kind(const struct last_error *a, const struct last_error *b)
{
    return a->count > 0 && strcmp(a->event, b->event) == 0 && strcmp(a->code, b->code) == 0 &&
           same_but_for_numbers(a->text, b->text);
}

/* ---- the entries ---- */

/* Returns the entry of the same kind, else a free entry, else the one not updated for longest. */
static struct last_error *place_for(struct last_errors *errors, const struct last_error *error)
    REQUIRES(errors->mu)
{
    struct last_error *place = &errors->entry[0];
    for (size_t i = 0; i < LAST_ERRORS_MAX; i++) {
        struct last_error *entry = &errors->entry[i];
        if (same_kind(entry, error))
            return entry;
        if (entry->last_at_us < place->last_at_us)
            place = entry;
    }
    return place;
}

void last_errors_note(struct last_errors *errors, int64_t at_us, enum log_level level,
                      const char *event, const struct log_field *fields, int count)
{
    static const char *const of_code[] = { "status",   "method",     "route",
                                           "sqlstate", "constraint", NULL };
    static const char *const of_text[] = { "text", "error", NULL };
    struct last_error error = {
        .first_at_us = at_us, .last_at_us = at_us, .count = 1, .level = level, .event = event
    };
    gather(error.code, sizeof error.code, fields, count, of_code);
    gather(error.text, sizeof error.text, fields, count, of_text);

    mutex_lock(&errors->mu);
    struct last_error *place = place_for(errors, &error);
    if (same_kind(place, &error)) {
        error.first_at_us = place->first_at_us;
        error.count = place->count + 1;
    }
    *place = error;
    mutex_unlock(&errors->mu);
}

static int latest_first(const void *a, const void *b)
{
    const struct last_error *x = a, *y = b;
    return (x->last_at_us < y->last_at_us) - (x->last_at_us > y->last_at_us);
}

size_t last_errors_read(struct last_errors *errors, struct last_error out[LAST_ERRORS_MAX])
{
    size_t n = 0;
    mutex_lock(&errors->mu);
    for (size_t i = 0; i < LAST_ERRORS_MAX; i++)
        if (errors->entry[i].count > 0)
            out[n++] = errors->entry[i];
    mutex_unlock(&errors->mu);
    qsort(out, n, sizeof out[0], latest_first);
    return n;
}

/* conf_value.c - see conf_value.h. Numbers are parsed digit by digit, because strtol() and the like
 * accept a sign, blanks and hexadecimal. Durations are never converted to a double, so "0.1" is
 * exactly 100 ms. */
#include "base/conf_value.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"

struct unit {
    const char *name;
    int64_t size; /* in the member's unit */
};

/* The smallest unit comes first. */
/* clang-format off */
static const struct unit time_units[] = {
    { "us", NS_PER_US }, { "ms", NS_PER_MS }, { "s", NS_PER_S },
    { "m", 60 * NS_PER_S }, { "h", 3600 * NS_PER_S }, { "d", 86400 * NS_PER_S },
};
static const struct unit size_units[] = {
    { "KiB", 1 << 10 }, { "MiB", 1 << 20 }, { "GiB", 1 << 30 },
};
static const struct { const char *word; bool value; } bool_words[] = {
    { "true", true }, { "on", true }, { "yes", true }, { "1", true },
    { "false", false }, { "off", false }, { "no", false }, { "0", false },
};
/* clang-format on */

enum {
    N_TIME_UNITS = sizeof time_units / sizeof time_units[0],
    N_SIZE_UNITS = sizeof size_units / sizeof size_units[0],
    N_BOOL_WORDS = sizeof bool_words / sizeof bool_words[0],
};

/* Reads a number of one or more digits, and moves *text past them. Returns false if *text has no
 * digit or the number is too large. */
static bool read_digits(const char **text, int64_t *out)
{
    const char *c = *text;
    int64_t value = 0;
    for (; *c >= '0' && *c <= '9'; c++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, *c - '0', &value))
            return false;
    if (c == *text)
        return false;
    *text = c;
    *out = value;
    return true;
}

/* Returns the size of the unit, or 0 if no unit has that name. */
static int64_t unit_size(const struct unit *units, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(units[i].name, name) == 0)
            return units[i].size;
    return 0;
}

/* Reads "0.5", "500ms" or "1.5h". Fractions of a nanosecond are dropped. */
static bool read_duration(const char *text, int64_t *out)
{
    int64_t whole;
    if (!read_digits(&text, &whole))
        return false;
    const char *fraction = text;
    if (*text == '.') {
        fraction = text + 1;
        text = fraction + strspn(fraction, "0123456789");
        if (text == fraction)
            return false;
    }
    int64_t unit = *text == '\0' ? NS_PER_S : unit_size(time_units, N_TIME_UNITS, text);
    int64_t value;
    if (unit == 0 || __builtin_mul_overflow(whole, unit, &value))
        return false;
    for (; fraction < text; fraction++)
        if (__builtin_add_overflow(value, (*fraction - '0') * (unit /= 10), &value))
            return false;
    *out = value;
    return true;
}

static bool read_size(const char *text, int64_t *out)
{
    int64_t number;
    if (!read_digits(&text, &number))
        return false;
    int64_t unit = *text == '\0' ? 1 : unit_size(size_units, N_SIZE_UNITS, text);
    return unit != 0 && !__builtin_mul_overflow(number, unit, out);
}

static bool read_uint(const char *text, int64_t *out)
{
    return read_digits(&text, out) && *text == '\0' && *out <= UINT32_MAX;
}

static bool parse_bool(const char *text, bool *out)
{
    for (size_t i = 0; i < N_BOOL_WORDS; i++)
        if (strcmp(bool_words[i].word, text) == 0) {
            *out = bool_words[i].value;
            return true;
        }
    return false;
}

static bool parse_double(const struct conf_opt *opt, const char *text, double *out)
{
    if (!isdigit((unsigned char)text[0]) || text[strspn(text, "0123456789.")] != '\0')
        return false;
    char *end;
    double value = strtod(text, &end);
    if (*end != '\0' || value * 1000 < (double)opt->min || value * 1000 > (double)opt->max)
        return false;
    *out = value;
    return true;
}

static bool parse_string(const struct conf_opt *opt, const char *text, char *out)
{
    size_t len = strlen(text);
    if (len >= opt->size)
        return false;
    memcpy(out, text, len + 1);
    return true;
}

static bool parse_enum(const struct conf_opt *opt, const char *text, int *out)
{
    for (int i = 0; opt->words[i] != NULL; i++)
        if (strcmp(opt->words[i], text) == 0) {
            *out = i;
            return true;
        }
    return false;
}

bool conf_parse(const struct conf_opt *opt, const char *text, void *member)
{
    int64_t value;
    switch (opt->type) {
    case CONF_BOOL:
        return parse_bool(text, member);
    case CONF_DOUBLE:
        return parse_double(opt, text, member);
    case CONF_STRING:
        return parse_string(opt, text, member);
    case CONF_ENUM:
        return parse_enum(opt, text, member);
    case CONF_UINT:
        if (!read_uint(text, &value) || value < opt->min || value > opt->max)
            return false;
        *(uint32_t *)member = (uint32_t)value;
        return true;
    case CONF_DURATION:
        if (!read_duration(text, &value) || value < opt->min || value > opt->max)
            return false;
        *(int64_t *)member = value;
        return true;
    case CONF_SIZE:
        if (!read_size(text, &value) || value < opt->min || value > opt->max)
            return false;
        *(uint64_t *)member = (uint64_t)value;
        return true;
    }
    return false;
}

/* Shows the value in the largest unit that divides it. */
static void show_in_units(int64_t value, const struct unit *units, size_t n, struct buf *out)
{
    while (n > 0 && (value == 0 || value % units[n - 1].size != 0))
        n--;
    if (n == 0)
        buf_printf(out, "%lld", (long long)value);
    else
        buf_printf(out, "%lld%s", (long long)(value / units[n - 1].size), units[n - 1].name);
}

/* Prints a duration in the largest unit that divides it, or, if it is not a whole number of
 * microseconds, in seconds with a fraction. */
static void show_duration(int64_t value_ns, struct buf *out)
{
    if (value_ns % NS_PER_US == 0)
        show_in_units(value_ns, time_units, N_TIME_UNITS, out);
    else
        buf_printf(out, "%lld.%09lld", (long long)(value_ns / NS_PER_S),
                   (long long)(value_ns % NS_PER_S));
}

void conf_show(const struct conf_opt *opt, const void *member, struct buf *out)
{
    switch (opt->type) {
    case CONF_BOOL:
        buf_add_str(out, *(const bool *)member ? "true" : "false");
        return;
    case CONF_UINT:
        buf_printf(out, "%u", *(const uint32_t *)member);
        return;
    case CONF_DOUBLE:
        buf_printf(out, "%.15g", *(const double *)member);
        return;
    case CONF_DURATION:
        show_duration(*(const int64_t *)member, out);
        return;
    case CONF_SIZE:
        show_in_units((int64_t) * (const uint64_t *)member, size_units, N_SIZE_UNITS, out);
        return;
    case CONF_STRING:
        buf_add_str(out, member);
        return;
    case CONF_ENUM:
        buf_add_str(out, opt->words[*(const int *)member]);
        return;
    }
}

static void show_words(const char *const *words, struct buf *out)
{
    for (size_t i = 0; words[i] != NULL; i++) {
        if (i > 0)
            buf_add_str(out, words[i + 1] == NULL ? " or " : ", ");
        buf_add_str(out, words[i]);
    }
}

void conf_show_bounds(const struct conf_opt *opt, struct buf *out)
{
    switch (opt->type) {
    case CONF_BOOL:
        buf_add_str(out, "true or false");
        return;
    case CONF_UINT:
        buf_printf(out, "%lld to %lld", (long long)opt->min, (long long)opt->max);
        break;
    case CONF_DOUBLE:
        buf_printf(out, "%g to %g", (double)opt->min / 1000, (double)opt->max / 1000);
        break;
    case CONF_DURATION:
        show_duration(opt->min, out);
        buf_add_str(out, " to ");
        show_duration(opt->max, out);
        break;
    case CONF_SIZE:
        show_in_units(opt->min, size_units, N_SIZE_UNITS, out);
        buf_add_str(out, " to ");
        show_in_units(opt->max, size_units, N_SIZE_UNITS, out);
        break;
    case CONF_STRING:
        buf_printf(out, "at most %zu bytes", opt->size - 1);
        return;
    case CONF_ENUM:
        show_words(opt->words, out);
        return;
    }
    if (opt->unit != NULL)
        buf_printf(out, " %s", opt->unit);
}

void conf_show_flag(const char *name, struct buf *out)
{
    buf_add_str(out, "--");
    for (; *name != '\0'; name++)
        if (*name == '_')
            buf_add_char(out, '-');
        else
            buf_add_char(out, *name);
}

void conf_show_env(const char *name, struct buf *out)
{
    for (; *name != '\0'; name++)
        buf_add_char(out, (char)(toupper)((unsigned char)*name)); /* not the macro of glibc */
}

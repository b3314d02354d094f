/* rfc3339.c - see rfc3339.h. Here a year begins on 1 March. So the leap day is the last day of its
 * year, and a linear formula gives the day of the year on which a month begins (Howard Hinnant,
 * "chrono-compatible low-level date algorithms"). */
#include "base/rfc3339.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

static const int64_t us_per_second = 1000000;
static const int64_t us_per_day = 86400 * 1000000LL;
static const int64_t first_us = -62167219200000000; /* 0000-01-01T00:00:00Z */
static const int64_t last_us = 253402300799999999;  /* 9999-12-31T23:59:59.999999Z */

enum {
    DAYS_PER_ERA = 146097, /* 400 years */
    EPOCH_DAY = 719468,    /* 1970-01-01 counted from 0000-03-01 */
};

struct civil {
    int year, month, day;
};

static int64_t days_of(struct civil date)
{
    int64_t year = date.month <= 2 ? date.year - 1 : date.year;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int from_march = (date.month + 9) % 12;
    int64_t day_of_year = (153 * from_march + 2) / 5 + date.day - 1;
    return era * DAYS_PER_ERA + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year - EPOCH_DAY;
}

static struct civil date_of(int64_t days)
{
    days += EPOCH_DAY;
    int64_t era = (days >= 0 ? days : days - DAYS_PER_ERA + 1) / DAYS_PER_ERA;
    int of_era = (int)(days - era * DAYS_PER_ERA);
    int year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int day_of_year = of_era - (365 * year + year / 4 - year / 100);
    int from_march = (5 * day_of_year + 2) / 153;
    int month = from_march < 10 ? from_march + 3 : from_march - 9;
    return (struct civil){ .year = (int)(year + era * 400) + (month <= 2),
                           .month = month,
                           .day = day_of_year - (153 * from_march + 2) / 5 + 1 };
}

static bool date_exists(struct civil date)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    if (date.month < 1 || date.month > 12 || date.day < 1)
        return false;
    bool leap = date.year % 4 == 0 && (date.year % 100 != 0 || date.year % 400 == 0);
    return date.day <= days[date.month - 1] + (leap && date.month == 2);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Returns true if the text begins with the pattern, in which 0 stands for any digit. */
static bool has_shape(const char *text, const char *pattern)
{
    for (; *pattern != '\0'; text++, pattern++)
        if (*pattern == '0' ? !is_digit(*text) : *text != *pattern)
            return false;
    return true;
}

static int number(const char *digits, size_t n)
{
    int value = 0;
    for (size_t i = 0; i < n; i++)
        value = value * 10 + (digits[i] - '0');
    return value;
}

/* Returns true if the text is a name of UTC: "Z", "z", "+00:00" or "-00:00" (RFC 3339, 4.3 and
 * 5.6). */
static bool is_utc(const char *text)
{
    return strcasecmp(text, "Z") == 0 || strcmp(text, "+00:00") == 0 || strcmp(text, "-00:00") == 0;
}

/* Parses ".123456789Z" or "Z". Nothing may follow. */
static bool parse_fraction_us(const char *text, int64_t *out_us)
{
    int64_t us = 0;
    size_t n = 0;
    if (*text == '.') {
        int64_t unit = us_per_second;
        for (text++; is_digit(text[n]) && n < 9; n++)
            us += (text[n] - '0') * (unit /= 10);
        if (n == 0)
            return false;
    }
    if (!is_utc(text + n))
        return false;
    *out_us = us;
    return true;
}

bool rfc3339_parse_us(const char *text, int64_t *out_us)
{
    if (!has_shape(text, "0000-00-00T00:00:00") && !has_shape(text, "0000-00-00t00:00:00"))
        return false;
    struct civil date = { number(text, 4), number(text + 5, 2), number(text + 8, 2) };
    int hour = number(text + 11, 2), minute = number(text + 14, 2), second = number(text + 17, 2);
    int64_t fraction_us;
    if (!date_exists(date) || hour > 23 || minute > 59 || second > 59)
        return false;
    if (!parse_fraction_us(text + 19, &fraction_us))
        return false;
    int64_t seconds = (hour * 60 + minute) * 60 + second;
    *out_us = days_of(date) * us_per_day + seconds * us_per_second + fraction_us;
    return true;
}

/* Writes n digits and then the character `next`. Returns the position after them. */
static char *put(char *out, int64_t value, int n, char next)
{
    for (int i = n - 1; i >= 0; i--, value /= 10)
        out[i] = (char)('0' + value % 10);
    out[n] = next;
    return out + n + 1;
}

void rfc3339_format_us(int64_t us, char out[RFC3339_SIZE])
{
    us = us < first_us ? first_us : us;
    us = us > last_us ? last_us : us;
    int64_t days = (us - first_us) / us_per_day + first_us / us_per_day;
    int64_t of_day = us - days * us_per_day;
    struct civil date = date_of(days);
    int64_t seconds = of_day / us_per_second;
    out = put(out, date.year, 4, '-');
    out = put(out, date.month, 2, '-');
    out = put(out, date.day, 2, 'T');
    out = put(out, seconds / 3600, 2, ':');
    out = put(out, seconds / 60 % 60, 2, ':');
    out = put(out, seconds % 60, 2, '.');
    out = put(out, of_day % us_per_second, 6, 'Z');
    *out = '\0';
}

/* Moments: real dates only, UTC only, and the same moment out as in. */
#include <criterion/criterion.h>
#include <string.h>
#include <time.h>

#include "base/rfc3339.h"

static const struct {
    const char *text;
    int64_t us;
} moments[] = {
    /* clang-format off */
    { "1970-01-01T00:00:00.000000Z", 0 },
    { "1970-01-01T00:00:00.000001Z", 1 },
    { "1969-12-31T23:59:59.999999Z", -1 },
    { "2000-02-29T00:00:00.000000Z", 951782400000000 },
    { "2000-03-01T00:00:00.000000Z", 951868800000000 },
    { "2024-02-29T23:59:59.123456Z", 1709251199123456 },
    { "2100-02-28T00:00:00.000000Z", 4107456000000000 },
    { "0000-01-01T00:00:00.000000Z", -62167219200000000 },
    { "9999-12-31T23:59:59.999999Z", 253402300799999999 },
    /* clang-format on */
};

Test(rfc3339, known_moments_both_ways)
{
    for (size_t i = 0; i < sizeof moments / sizeof moments[0]; i++) {
        int64_t us = 0;
        char text[RFC3339_SIZE];
        cr_expect(rfc3339_parse_us(moments[i].text, &us), "%s", moments[i].text);
        cr_expect_eq(us, moments[i].us, "%s gave %ld", moments[i].text, (long)us);
        rfc3339_format_us(moments[i].us, text);
        cr_expect_str_eq(text, moments[i].text);
    }
}

Test(rfc3339, agrees_with_libc_on_every_day_of_1200_years)
{
    for (int64_t day = -100000; day < 340000; day++) {
        int64_t us = day * 86400000000 + 12345678;
        time_t seconds = (time_t)(day * 86400 + 12);
        struct tm tm;
        char want[64], text[RFC3339_SIZE];
        cr_assert_not_null(gmtime_r(&seconds, &tm));
        (void)snprintf(want, sizeof want, "%04d-%02d-%02dT00:00:12.345678Z", tm.tm_year + 1900,
                       tm.tm_mon + 1, tm.tm_mday);
        rfc3339_format_us(us, text);
        cr_assert_str_eq(text, want);
        int64_t back = 0;
        cr_assert(rfc3339_parse_us(text, &back));
        cr_assert_eq(back, us, "%s", text);
    }
}

Test(rfc3339, fraction_of_one_to_nine_digits_is_cut_to_microseconds)
{
    static const struct {
        const char *text;
        int64_t us;
    } cases[] = {
        { "1970-01-01T00:00:00Z", 0 },
        { "1970-01-01T00:00:00.5Z", 500000 },
        { "1970-01-01T00:00:00.25Z", 250000 },
        { "1970-01-01T00:00:00.123Z", 123000 },
        { "1970-01-01T00:00:00.1234567Z", 123456 },
        { "1970-01-01T00:00:00.999999999Z", 999999 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t us = -1;
        cr_expect(rfc3339_parse_us(cases[i].text, &us), "%s", cases[i].text);
        cr_expect_eq(us, cases[i].us, "%s", cases[i].text);
    }
}

/* RFC 3339, 4.2, 4.3 and 5.6. */
Test(rfc3339, utc_in_each_of_its_spellings)
{
    static const char *const cases[] = {
        "1970-01-01T00:00:01.5Z",      "1970-01-01T00:00:01.5z",      "1970-01-01t00:00:01.5Z",
        "1970-01-01t00:00:01.5z",      "1970-01-01T00:00:01.5+00:00", "1970-01-01T00:00:01.5-00:00",
        "1970-01-01t00:00:01.5+00:00",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t us = -1;
        cr_expect(rfc3339_parse_us(cases[i], &us), "%s", cases[i]);
        cr_expect_eq(us, 1500000, "%s", cases[i]);
    }
}

Test(rfc3339, refuses_the_rest_and_writes_nothing)
{
    static const char *const cases[] = {
        "",
        "2024",
        "2024-01-01",
        "2024-01-01T00:00:00",
        "2024-01-01T00:00Z",
        "2024-00-01T00:00:00Z",
        "2024-13-01T00:00:00Z",
        "2024-01-00T00:00:00Z",
        "2024-01-32T00:00:00Z",
        "2024-04-31T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "2024-02-30T00:00:00Z",
        "1900-02-29T00:00:00Z", /* no leap year */
        "2100-02-29T00:00:00Z",
        "2024-01-01T24:00:00Z",
        "2024-01-01T00:60:00Z",
        "2016-12-31T23:59:60Z", /* a leap second that was: Unix time has no place for it */
        "2024-01-01T00:00:00.Z",
        "2024-01-01T00:00:00.1234567890Z",
        "2024-01-01T00:00:00,5Z",
        "2024-01-01T00:00:00.5+01:00",
        "2024-01-01T00:00:00+00:01",
        "2024-01-01T00:00:00-08:00",
        "2024-01-01T00:00:00+0000",
        "2024-01-01T00:00:00+00",
        "2024-01-01T00:00:00 +00:00",
        "2024-01-01T00:00:00+00:00Z",
        "2024-01-01T00:00:00Z+00:00",
        "2024-01-01 00:00:00Z",
        "2024-01-01T00:00:00ZZ",
        "2024-01-01T00:00:00Z ",
        " 2024-01-01T00:00:00Z",
        "2024-1-01T00:00:00Z",
        "+2024-01-01T00:00:00Z",
        "12024-01-01T00:00:00Z",
        "-001-01-01T00:00:00Z",
        "1714521600",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t us = 42;
        cr_expect_not(rfc3339_parse_us(cases[i], &us), "%s", cases[i]);
        cr_expect_eq(us, 42, "%s", cases[i]);
    }
}

Test(rfc3339, moments_outside_the_years_are_shown_as_the_nearest)
{
    char text[RFC3339_SIZE];
    rfc3339_format_us(INT64_MAX, text);
    cr_expect_str_eq(text, "9999-12-31T23:59:59.999999Z");
    rfc3339_format_us(INT64_MIN, text);
    cr_expect_str_eq(text, "0000-01-01T00:00:00.000000Z");
}

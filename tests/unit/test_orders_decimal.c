/* The grammar of decimals on both sides of each bound, and their canonical form. */
#include <criterion/criterion.h>
#include <string.h>

#include "orders/decimal.h"
#include "orders/order.h"

#define D17 "12345678901234567"
#define D18 D17 "8"
#define D19 D18 "9"

static const struct {
    const char *text, *canonical; /* NULL: refused */
} decimals[] = {
    /* clang-format off */
    { "0",             "0" },
    { "1",             "1" },
    { "10",            "10" },
    { "100000",        "100000" },
    { "0.1",           "0.1" },
    { "1.0",           "1" },
    { "10.00",         "10" },
    { "1.10",          "1.1" },
    { "0.0",           "0" },
    { "0.010",         "0.01" },
    { "1.000000000000000000", "1" },
    { "0.000000000000000001", "0.000000000000000001" },
    { D18,             D18 },
    { D18 "." D18,     D18 "." D18 },
    { D18 "." D17 "0", D18 "." D17 },
    { D19,             NULL },
    { D19 ".1",        NULL },
    { "1." D19,        NULL },
    { "0.1000000000000000000", NULL }, /* 19 digits, though the last are zeros */
    { "",              NULL },
    { "00.1",          NULL },
    { "01",            NULL },
    { "00",            NULL },
    { "1.",            NULL },
    { ".5",            NULL },
    { ".",             NULL },
    { "1..2",          NULL },
    { "1.2.3",         NULL },
    { "1e3",           NULL },
    { "1.5E3",         NULL },
    { "-1",            NULL },
    { "+1",            NULL },
    { " 1",            NULL },
    { "1 ",            NULL },
    { "1,5",           NULL },
    { "0x10",          NULL },
    { "NaN",           NULL },
    { "Infinity",      NULL },
    { "\xd9\xa1",      NULL }, /* a digit, but not of ours */
    /* clang-format on */
};

Test(decimal, grammar_and_canonical_form)
{
    for (size_t i = 0; i < sizeof decimals / sizeof decimals[0]; i++) {
        char out[ORDER_DECIMAL_SIZE] = "untouched";
        bool ok = decimal_canonical(decimals[i].text, strlen(decimals[i].text), out);
        cr_expect_eq(ok, decimals[i].canonical != NULL, "%s", decimals[i].text);
        const char *want = decimals[i].canonical != NULL ? decimals[i].canonical : "untouched";
        cr_expect_str_eq(out, want, "%s gave %s", decimals[i].text, out);
    }
}

Test(decimal, reads_no_further_than_its_length)
{
    char out[ORDER_DECIMAL_SIZE];
    cr_expect(decimal_canonical("1.25", 3, out));
    cr_expect_str_eq(out, "1.2");
    cr_expect_not(decimal_canonical("1.25", 2, out));
    cr_expect_not(decimal_canonical("1\0", 2, out), "a NUL is no digit");
}

Test(decimal, canonical_form_of_a_canonical_form_is_itself)
{
    for (size_t i = 0; i < sizeof decimals / sizeof decimals[0]; i++) {
        char out[ORDER_DECIMAL_SIZE];
        const char *canonical = decimals[i].canonical;
        if (canonical == NULL)
            continue;
        cr_expect(decimal_canonical(canonical, strlen(canonical), out));
        cr_expect_str_eq(out, canonical);
    }
}

Test(decimal, zero)
{
    cr_expect(decimal_is_zero("0"));
    cr_expect_not(decimal_is_zero("0.000000000000000001"));
    cr_expect_not(decimal_is_zero("10"));
}

Test(decimal, digits_that_count)
{
    static const struct {
        const char *text;
        size_t digits;
    } cases[] = {
        { "0", 0 },    { "0.00", 0 }, { "0.10", 2 },  { "1.0", 2 },   { "007", 1 },
        { "-1.5", 2 }, { "1e10", 1 }, { "12E-3", 2 }, { "0.001", 1 }, { D18 "." D18, 36 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_expect_eq(decimal_digits(cases[i].text, strlen(cases[i].text)), cases[i].digits, "%s",
                     cases[i].text);
}

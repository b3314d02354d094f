/* decimal.c - see decimal.h. The canonical form of a decimal is always the beginning of its text,
 * so it is copied, not computed. */
#include "orders/decimal.h"

#include <string.h>

enum { DIGITS_MAX = 18 }; /* on each side of the point */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t leading_digits(const char *text, size_t len)
{
    size_t n = 0;
    while (n < len && is_digit(text[n]))
        n++;
    return n;
}

/* Returns the length of a decimal without its trailing zeros. If no digit is left after the point,
 * the point is not counted either. The decimal must have a point. */
static size_t without_trailing_zeros(const char *text, size_t len)
{
    while (text[len - 1] == '0')
        len--;
    return text[len - 1] == '.' ? len - 1 : len;
}

bool decimal_canonical(const char *text, size_t len, char *out)
{
    size_t whole = leading_digits(text, len);
    if (whole == 0 || whole > DIGITS_MAX || (whole > 1 && text[0] == '0'))
        return false;
    size_t kept = len;
    if (whole < len) {
        size_t fraction = leading_digits(text + whole + 1, len - whole - 1);
        if (text[whole] != '.' || fraction == 0 || fraction > DIGITS_MAX)
            return false;
        if (whole + 1 + fraction != len)
            return false;
        kept = without_trailing_zeros(text, len);
    }
    memcpy(out, text, kept);
    out[kept] = '\0';
    return true;
}

bool decimal_is_zero(const char *canonical)
{
    return strcmp(canonical, "0") == 0;
}

size_t decimal_digits(const char *text, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len && text[i] != 'e' && text[i] != 'E'; i++)
        if (is_digit(text[i]) && (n > 0 || text[i] != '0'))
            n++;
    return n;
}

/* token.c - see token.h. The characters are tested one by one, because strspn() with a set of this
 * size would make a table for each token. */
#include "http/message/token.h"

#include <stdbool.h>
#include <string.h>

static bool is_token_char(char c)
{
    bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return alnum || (c != '\0' && strchr("-_!#$%&'*+.^`|~", c) != NULL);
}

size_t token_length(const char *text, size_t max)
{
    size_t len = 0;
    while (len < max && is_token_char(text[len]))
        len++;
    return len;
}

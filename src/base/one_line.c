/* one_line.c - see one_line.h. */
#include "base/one_line.h"

#include <string.h>

const char *one_line_trim(char *text, size_t *len)
{
    static const char mark[] = "\xef\xbb\xbf";
    const size_t mark_len = sizeof mark - 1;
    if (*len >= mark_len && memcmp(text, mark, mark_len) == 0) {
        *len -= mark_len;
        memmove(text, text + mark_len, *len);
    }
    if (*len > 0 && text[*len - 1] == '\n') {
        --*len;
        if (*len > 0 && text[*len - 1] == '\r')
            --*len;
    }
    text[*len] = '\0';
    if (memchr(text, '\0', *len) != NULL)
        return "has a NUL byte in it: the value must be text in UTF-8";
    if (memchr(text, '\n', *len) != NULL || memchr(text, '\r', *len) != NULL)
        return "has more than one line: the value must be the only one";
    return NULL;
}

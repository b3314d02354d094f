/* check.c - see check.h. Writes the message without allocating, then aborts. */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void check_failed(const char *what, const char *file, int line)
{
    char text[512];
    int len = snprintf(text, sizeof text, "CHECK failed: %s at %s:%d\n", what, file, line);
    if (len > 0 && write(STDERR_FILENO, text, (size_t)len) < 0)
        abort();
    abort();
}

/* load_number.h - parses a number of the command line within bounds. Prints what is wrong with it
 * on standard error. */
#ifndef LOAD_NUMBER_H
#define LOAD_NUMBER_H

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static inline bool load_number(const char *text, double min, double max, double *out)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || !(value >= min && value <= max)) {
        fprintf(stderr, "%s: '%s' is no number of %g..%g\n", program_invocation_short_name, text,
                min, max);
        return false;
    }
    *out = value;
    return true;
}

#endif

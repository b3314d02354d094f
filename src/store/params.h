/* params.h - collects the parameters of one statement in the form that libpq takes. A parameter is
 * either a text, or a binary array with the values of one column. A zeroed struct has no
 * parameters. */
#ifndef STORE_PARAMS_H
#define STORE_PARAMS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "store/pg_array.h"

enum { PARAMS_MAX = 13 };

struct params {
    int n;
    struct buf arrays[PARAMS_MAX]; /* owned; an array is empty if its parameter is a text */
    const char *values[PARAMS_MAX];
    int lengths[PARAMS_MAX], formats[PARAMS_MAX];
};

/* Adds a text parameter; `text` is borrowed. */
void params_text(struct params *params, const char *text);

/* Adds an array parameter of n elements of at most element_max bytes each. Returns the array's
 * buffer, to which the caller adds the elements. */
struct buf *params_array(struct params *params, enum pg_type element, size_t n, size_t element_max);

/* Enters the finished arrays in `values` and `lengths`, for libpq. Call it once, after all
 * parameters were added. Returns false if memory ran out for an array. */
bool params_ready(struct params *params) MUST_CHECK;

void params_fini(struct params *params);

#endif

/* params.c - collects the parameters of one statement. */
#include "store/params.h"

#include <limits.h>

#include "base/check.h"

enum { FORMAT_TEXT = 0, FORMAT_BINARY = 1 };

static int next_place(struct params *params, int format)
{
    CHECK(params->n < PARAMS_MAX);
    params->formats[params->n] = format;
    return params->n++;
}

void params_text(struct params *params, const char *text)
{
    params->values[next_place(params, FORMAT_TEXT)] = text;
}

struct buf *params_array(struct params *params, enum pg_type element, size_t n, size_t element_max)
{
    struct buf *array = &params->arrays[next_place(params, FORMAT_BINARY)];
    *array = BUF_INIT(pg_array_size(n, element_max));
    CHECK(array->max <= INT_MAX);
    pg_array_begin(array, element, n);
    return array;
}

bool params_ready(struct params *params)
{
    for (int i = 0; i < params->n; i++) {
        if (params->formats[i] == FORMAT_TEXT)
            continue;
        if (params->arrays[i].failed)
            return false;
        params->values[i] = params->arrays[i].data;
        params->lengths[i] = (int)params->arrays[i].len;
    }
    return true;
}

void params_fini(struct params *params)
{
    for (int i = 0; i < params->n; i++)
        buf_fini(&params->arrays[i]);
    *params = (struct params){ 0 };
}

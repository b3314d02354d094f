/* distribute_options.h - parses the flags by which `ordersd migrate` distributes the orders over a
 * Citus cluster: --distribute, --distribute=SHARDS and --distribute-rows. They are flags only, and
 * no environment variables, so that a forgotten variable distributes nothing. */
#ifndef APP_DISTRIBUTE_OPTIONS_H
#define APP_DISTRIBUTE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct err;

enum { DISTRIBUTE_SHARDS_MAX = 64000 }; /* as Citus has it */

struct distribute_options {
    bool wanted;
    uint32_t shards; /* 0: the number is not given */
    bool with_rows;
};

/* Removes these flags from argv. On failure *err names the flag, its value and what would be
 * right. */
bool distribute_options_take(struct distribute_options *options, int *argc, char *argv[],
                             struct err *err) MUST_CHECK;

#endif

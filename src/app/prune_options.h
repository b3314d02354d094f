/* prune_options.h - parses the flags of `ordersd prune` that the service does not have. They are
 * flags only, and no environment variables. A forgotten variable can therefore remove nothing. */
#ifndef APP_PRUNE_OPTIONS_H
#define APP_PRUNE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct err;

/* The bounds of --older-than. The lower bound must be far longer than the time within which a
 * client may repeat an order, because the repeat of a removed order is stored as a new order. The
 * service tries an order for ORDERS_COMMIT_TIMEOUT, 10 minutes at most. Clients have no limit, so
 * the bound leaves them a month: enough for a long outage, and for the repeats that follow a
 * restore of the database. */
enum { PRUNE_DAYS_MIN = 30, PRUNE_DAYS_MAX = 18250 };

struct prune_options {
    int64_t older_than_ns;
    uint32_t batch; /* orders in one transaction */
    bool dry_run;
};

/* Removes these flags from argv, and parses them. Other arguments stay, for options_load(). On
 * failure *err names the flag, its value and what would be right; *options is then unchanged. */
bool prune_options_take(struct prune_options *options, int *argc, char *argv[],
                        struct err *err) MUST_CHECK;

#endif

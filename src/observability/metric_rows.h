/* metric_rows.h - the rows of metrics.def as an enum and a table. Threads: any. */
#ifndef OBSERVABILITY_METRIC_ROWS_H
#define OBSERVABILITY_METRIC_ROWS_H

enum metric {
#define METRIC(id, name, type, help) M_##id,
#include "observability/metrics.def"
#undef METRIC
    METRIC_ROWS
};

struct metric_row {
    const char *name, *type, *help;
};

extern const struct metric_row metric_rows[METRIC_ROWS]; /* indexed by enum metric */

#endif

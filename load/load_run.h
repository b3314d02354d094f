/* load_run.h - one run of load: who sends what and when, and what came of it.
 *
 * Closed loop  each connection sends its next order when it has its answer.
 * Open loop    orders are due at a constant rate whatever the answers do; a due order goes out on
 *              an idle connection, and its latency counts from when it was due, so that waiting for
 *              a stalled server is seen.
 * One thread. */
#ifndef LOAD_RUN_H
#define LOAD_RUN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/attr.h"
#include "base/err.h"
#include "load/load_hist.h"
#include "load/load_request.h"

struct load_options {
    struct sockaddr_in server;
    const struct load_request *request;
    const char *prefix; /* of client_order_id, for `acked` */
    uint32_t conns;
    uint32_t seconds;
    double rate;        /* orders a second; 0: closed loop */
    bool retry;         /* no answer, 503 or 504: the same order again, under the same id */
    int64_t timeout_ns; /* of one request; then its connection is given up */
    FILE *acked;        /* a line for each id that was answered 2xx; NULL: none */
    FILE *per_second;   /* a line a second; NULL: none */
};

struct load_stats {
    uint64_t orders;        /* handed out */
    uint64_t acked;         /* answered 2xx in time, drained ones included */
    uint64_t acked_in_time; /* those within `seconds`: the rate */
    uint64_t status[600];
    uint64_t connection_errors, timeouts, retries;
    uint64_t unanswered; /* orders that ended with no answer */
    uint64_t unsent;     /* open loop: due, and never sent */
    uint64_t least_second, seconds_without_ack;
    struct load_hist latency; /* of 2xx answers */
};

/* False (*err) when the load cannot be made: nothing answers, no memory. */
bool load_run(const struct load_options *options, struct load_stats *stats,
              struct err *err) MUST_CHECK;

#endif

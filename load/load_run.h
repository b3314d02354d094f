/* load_run.h - one run of load: which order is sent when, and the results.
 *
 * Closed loop  A connection sends its next order as soon as it has its answer.
 * Open loop    Orders are due at a constant rate, whatever the answers do. A due order is sent on
 *              an idle connection. Its latency counts from when it was due, so that the figures
 *              include the wait for a stalled server.
 * Threads      one */
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
    double rate; /* orders a second; 0: closed loop */
    bool retry;  /* after no answer, 503 or 504: send the same order again, with the same id */
    int64_t timeout_ns; /* limit of one request; after it, its connection is closed */
    FILE *acked;        /* gets a line for each id that was answered 2xx; NULL: no lines */
    FILE *per_second;   /* gets a line each second; NULL: no lines */
    FILE *trace; /* gets milliseconds and 2xx answers since the last line, each 100 ms; or NULL */
};

struct load_stats {
    uint64_t orders;        /* orders given to a connection to send */
    uint64_t acked;         /* answered 2xx in time, those after the end of the run included */
    uint64_t acked_in_time; /* answered 2xx within `seconds`: the basis of the rate */
    uint64_t status[600];
    uint64_t connection_errors, timeouts, retries;
    uint64_t unanswered; /* orders that never got an answer */
    uint64_t unsent;     /* open loop: due, but never sent */
    uint64_t least_second, seconds_without_ack;
    struct load_hist latency; /* of 2xx answers */
};

/* Returns false, with *err, if no load can be made: no server answers, or out of memory. */
bool load_run(const struct load_options *options, struct load_stats *stats,
              struct err *err) MUST_CHECK;

#endif

/* rate.h - how many requests a key may make: a bucket of `burst` tokens that fills at one token an
 * interval, kept as one moment, the one at which it will be full again (GCRA).
 *
 * A request takes a token, or is told how long to wait for one. What turns out to cost more is
 * charged afterwards, into debt if need be, and the debt is waited off like anything else. Time is
 * handed in. Lock-free, any thread: all loops share a bucket. */
#ifndef HTTP_AUTH_RATE_H
#define HTTP_AUTH_RATE_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/attr.h"

enum { RATE_MAX = 1000000 }; /* of both requests a second and burst */

struct rate {
    uint32_t per_second; /* 0: no limit */
    uint32_t burst;      /* 1..RATE_MAX */
};

struct rate_bucket {
    atomic_uint refs;
    atomic_int_fast64_t full_at_ns; /* a moment that has passed: full */
};

/* Full, with one reference. NULL when out of memory. */
struct rate_bucket *rate_bucket_new(void) MUST_CHECK;
struct rate_bucket *rate_bucket_ref(struct rate_bucket *bucket);
void rate_bucket_unref(struct rate_bucket **bucket); /* a NULL *bucket is a no-op */

/* Takes a token: 0. Or takes none: how long until there is one. */
int64_t rate_take(const struct rate *rate, struct rate_bucket *bucket, int64_t now_ns) MUST_CHECK;

/* Takes n tokens, whether they are there or not. */
void rate_charge(const struct rate *rate, struct rate_bucket *bucket, uint32_t n, int64_t now_ns);

struct rate_view {
    uint32_t remaining;
    int64_t more_in_ns; /* until one more is there; 0: full */
};
struct rate_view rate_look(const struct rate *rate, struct rate_bucket *bucket, int64_t now_ns);

/* How long an empty bucket takes to fill, in whole seconds, rounded up, at least 1. */
uint32_t rate_window_s(const struct rate *rate);

#endif

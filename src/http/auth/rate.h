/* rate.h - limits how many requests a key may make, by a bucket of at most `burst` tokens that
 * gains `per_second` tokens a second. The bucket is stored as the moment at which it will be full
 * again (GCRA). Internal to http.
 *
 * A request takes a token, or learns how long to wait for one. A batch of n orders takes one token
 * as a request, and n - 1 more when its orders are known. These may put the bucket into debt, and
 * later requests wait until the debt is gone. The caller gives the time. All loops share a bucket,
 * so the functions are lock-free, and any thread may call them. */
#ifndef HTTP_AUTH_RATE_H
#define HTTP_AUTH_RATE_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/attr.h"

enum { RATE_MAX = 1000000 }; /* the largest per_second and the largest burst */

struct rate {
    uint32_t per_second; /* 0: no limit */
    uint32_t burst;      /* 1..RATE_MAX */
};

struct rate_bucket {
    atomic_uint refs;
    atomic_int_fast64_t full_at_ns; /* from this moment on the bucket is full */
};

/* Returns a full bucket with one reference, or NULL if memory is out. */
struct rate_bucket *rate_bucket_new(void) MUST_CHECK;
struct rate_bucket *rate_bucket_ref(struct rate_bucket *bucket);
void rate_bucket_unref(struct rate_bucket **bucket); /* a NULL *bucket is a no-op */

/* Takes a token and returns 0. If there is no token, takes none and returns the time until there is
 * one. */
int64_t rate_take(const struct rate *rate, struct rate_bucket *bucket, int64_t now_ns) MUST_CHECK;

/* Takes n tokens. If the bucket has fewer, it goes into debt. */
void rate_charge(const struct rate *rate, struct rate_bucket *bucket, uint32_t n, int64_t now_ns);

struct rate_view {
    uint32_t remaining;
    int64_t more_in_ns; /* the time until there is one more token; 0: the bucket is full */
};
struct rate_view rate_look(const struct rate *rate, struct rate_bucket *bucket, int64_t now_ns);

/* Returns how long an empty bucket takes to fill, in whole seconds, rounded up, at least 1. */
uint32_t rate_window_s(const struct rate *rate);

#endif

/* credentials.h - inside of the layer: the API key that a request presents, and whether that key
 * has requests left.
 *
 * A request with a good key belongs to that key on every route. A request with no key, or with a
 * bad one, is rejected on a route that requires a key, and has no key on the others. Only
 * routes that require a key count against its rate. One thread at a time. */
#ifndef HTTP_AUTH_CREDENTIALS_H
#define HTTP_AUTH_CREDENTIALS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "http/message/reject.h"

struct http_head;
struct key;
struct keys;

struct credentials {       /* of a request; begins as all zeros */
    struct keys *keys;     /* a reference, while there is a key */
    const struct key *key; /* of that set; NULL: the request has no good key */
    bool required;         /* the route requires a key */
    bool bad_token;        /* a bearer token came, and it is no key of the set */
    int64_t wait_ns;       /* after REJECT_RATE: until the next request may come */
};

/* Finds the key of the request in `keys`; NULL: no key is required. REJECT_NONE or one of
 * REJECT_KEY_*. */
enum reject_reason credentials_check(struct credentials *credentials, struct keys *keys,
                                     const struct http_head *head, bool required) MUST_CHECK;

/* Takes one request from the rate of the key: REJECT_NONE, or REJECT_RATE and nothing is taken. */
enum reject_reason credentials_spend(struct credentials *credentials, int64_t now_ns) MUST_CHECK;

/* Takes so many requests more from the rate, which may go below zero. Any thread. */
void credentials_charge(const struct credentials *credentials, uint32_t requests);

/* The value of WWW-Authenticate. */
const char *credentials_challenge(const struct credentials *credentials);

struct rate_headers {
    char policy[64], limit[64]; /* the values of RateLimit-Policy and RateLimit */
};

/* The rate limit headers of an answer to a request that began then. False: the key has no rate. */
bool credentials_rate(const struct credentials *credentials, int64_t begun_at_ns,
                      struct rate_headers *out) MUST_CHECK;

void credentials_fini(struct credentials *credentials);

#endif

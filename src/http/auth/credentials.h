/* credentials.h - inside of the layer: the API key that a request presents, and whether that key
 * has requests left.
 *
 * A request with a good key belongs to that key on every route. A request with no key, or with a
 * bad one, is rejected on a route that requires a key, and has no key on the others. Only requests
 * to routes that require a key count against the rate of the key. One thread at a time uses a
 * struct credentials. */
#ifndef HTTP_AUTH_CREDENTIALS_H
#define HTTP_AUTH_CREDENTIALS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "http/message/reject.h"

struct http_head;
struct key;
struct keys;

struct credentials {       /* the credentials of a request; begins as all zeros */
    struct keys *keys;     /* a reference to the set of `key`; NULL: no key */
    const struct key *key; /* in that set; NULL: the request has no good key */
    bool required;         /* the route requires a key */
    bool bad_token;        /* the request presents a token that is no key of the set */
    int64_t wait_ns;       /* after REJECT_RATE, the time until the next request may come */
};

/* Finds the key of the request in `keys`, which is NULL if the server requires no key. `required`
 * says whether the route requires a key. Returns REJECT_NONE or one of REJECT_KEY_*. */
enum reject_reason credentials_check(struct credentials *credentials, struct keys *keys,
                                     const struct http_head *head, bool required) MUST_CHECK;

/* Takes one request from the rate of the key, and returns REJECT_NONE. If the rate is used up,
 * takes nothing and returns REJECT_RATE. */
enum reject_reason credentials_spend(struct credentials *credentials, int64_t now_ns) MUST_CHECK;

/* Takes `requests` further requests from the rate of the key, which may go below zero. Any thread
 * may call this. */
void credentials_charge(const struct credentials *credentials, uint32_t requests);

/* Returns the value of WWW-Authenticate. */
const char *credentials_challenge(const struct credentials *credentials);

struct rate_headers {
    char policy[64], limit[64]; /* the values of RateLimit-Policy and RateLimit */
};

/* Writes the rate limit headers for the answer to a request that began at begun_at_ns. Returns
 * false if no rate limits the request. */
bool credentials_rate(const struct credentials *credentials, int64_t begun_at_ns,
                      struct rate_headers *out) MUST_CHECK;

void credentials_fini(struct credentials *credentials);

#endif

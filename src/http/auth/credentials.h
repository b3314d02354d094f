/* credentials.h - finds the API key that a request presents, and counts the request against the
 * rate of that key. Internal to http.
 *
 * A request with a valid key belongs to that key on every route. If a request has no key or an
 * unknown one, it is rejected on a route that requires a key, and counts as a request without a key
 * on other routes. Only requests to routes that require a key count against the rate. One thread at
 * a time uses a struct credentials. */
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
    const struct key *key; /* in that set; NULL: the request has no valid key */
    bool required;         /* the route requires a key */
    bool bad_token;        /* the request has a token that is no key of the set */
    int64_t wait_ns;       /* if REJECT_RATE: the time until the rate allows a request; else 0 */
};

/* Finds the key of the request in `keys`, which is NULL if the server requires no key. `required`
 * says whether the route requires a key. Returns REJECT_NONE or one of REJECT_KEY_*. */
enum reject_reason credentials_check(struct credentials *credentials, struct keys *keys,
                                     const struct http_head *head, bool required) MUST_CHECK;

/* Counts the request against the rate of its key, and returns REJECT_NONE. If the rate is used up,
 * counts nothing and returns REJECT_RATE. */
enum reject_reason credentials_spend(struct credentials *credentials, int64_t now_ns) MUST_CHECK;

/* Counts `requests` more requests against the rate of the key, even beyond what the rate allows
 * (rate_charge()). Any thread may call this. */
void credentials_charge(const struct credentials *credentials, uint32_t requests);

/* Returns the value of WWW-Authenticate. */
const char *credentials_challenge(const struct credentials *credentials);

struct rate_headers {
    char policy[64], limit[64]; /* the values of RateLimit-Policy and RateLimit */
};

/* Writes the rate limit headers for the answer to a request that began at begun_at_ns. Returns
 * false if the request counts against no rate. */
bool credentials_rate(const struct credentials *credentials, int64_t begun_at_ns,
                      struct rate_headers *out) MUST_CHECK;

void credentials_fini(struct credentials *credentials);

#endif

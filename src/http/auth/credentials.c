/* credentials.c - see credentials.h.
 *
 * The key comes in the header of RFC 6750: `Authorization: Bearer KEY`. WWW-Authenticate names an
 * error only if the request presented a token: a client without a token may not know that a token
 * is required (RFC 6750, 3.1). */
#include "http/auth/credentials.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "http/auth/keys.h"
#include "http/message/head.h"

#define CHALLENGE "Bearer realm=\"ordersd\""

/* Returns the token of the header value "Bearer TOKEN", and sets *len to its length. Returns NULL
 * if the header has another scheme. */
static const char *token_of(const char *header, size_t *len)
{
    static const char scheme[] = "Bearer";
    size_t name = strcspn(header, " ");
    if (name != strlen(scheme) || strncasecmp(header, scheme, name) != 0)
        return NULL;
    const char *token = header + name + strspn(header + name, " ");
    *len = strcspn(token, " \t");
    if (token[*len + strspn(token + *len, " \t")] != '\0')
        *len = 0; /* a token is one word */
    return token;
}

static const struct key *find(const struct keys *keys, const char *token, size_t len)
{
    unsigned char hash[KEY_HASH_SIZE];
    return sha256_make(token, len, hash) ? keys_find(keys, hash) : NULL;
}

/* Finds the API key that the request presents. */
static enum reject_reason identify(struct credentials *credentials, struct keys *keys,
                                   const struct http_head *head)
{
    size_t len = 0;
    if (head->authorization == NULL)
        return REJECT_KEY_MISSING;
    const char *token = head->authorization_twice ? NULL : token_of(head->authorization, &len);
    if (token == NULL)
        return REJECT_KEY_MALFORMED;
    credentials->bad_token = true;
    if (len > KEY_TEXT_MAX || !key_text_is_valid(token, len))
        return REJECT_KEY_MALFORMED;
    credentials->key = find(keys, token, len);
    if (credentials->key == NULL)
        return REJECT_KEY_UNKNOWN;
    credentials->bad_token = false;
    credentials->keys = keys_ref(keys);
    return REJECT_NONE;
}

enum reject_reason credentials_check(struct credentials *credentials, struct keys *keys,
                                     const struct http_head *head, bool required)
{
    if (keys == NULL)
        return REJECT_NONE;
    enum reject_reason reason = identify(credentials, keys, head);
    credentials->required = required;
    return required ? reason : REJECT_NONE;
}

/* Returns the key whose rate limits the request, or NULL if no rate limits the request. */
static const struct key *limited(const struct credentials *credentials)
{
    const struct key *key = credentials->key;
    return credentials->required && key != NULL && key->bucket != NULL ? key : NULL;
}

enum reject_reason credentials_spend(struct credentials *credentials, int64_t now_ns)
{
    const struct key *key = limited(credentials);
    if (key == NULL)
        return REJECT_NONE;
    credentials->wait_ns = rate_take(&key->rate, key->bucket, now_ns);
    return credentials->wait_ns == 0 ? REJECT_NONE : REJECT_RATE;
}

void credentials_charge(const struct credentials *credentials, uint32_t requests)
{
    const struct key *key = limited(credentials);
    if (key != NULL)
        rate_charge(&key->rate, key->bucket, requests, clock_now_ns());
}

const char *credentials_challenge(const struct credentials *credentials)
{
    return credentials->bad_token ? CHALLENGE ", error=\"invalid_token\"" : CHALLENGE;
}

bool credentials_rate(const struct credentials *credentials, int64_t begun_at_ns,
                      struct rate_headers *out)
{
    const struct key *key = limited(credentials);
    if (key == NULL)
        return false;
    /* If the request was rejected for its rate, Retry-After (wait_ns) counts from the beginning of
     * the request. The rate limit headers show what was left at the same moment. */
    int64_t now_ns = credentials->wait_ns > 0 ? begun_at_ns : clock_now_ns();
    struct rate_view view = rate_look(&key->rate, key->bucket, now_ns);
    (void)snprintf(out->policy, sizeof out->policy, "\"key\";q=%" PRIu32 ";w=%" PRIu32,
                   key->rate.burst, rate_window_s(&key->rate));
    (void)snprintf(out->limit, sizeof out->limit, "\"key\";r=%" PRIu32 ";t=%" PRId64,
                   view.remaining, (view.more_in_ns + NS_PER_S - 1) / NS_PER_S);
    return true;
}

void credentials_fini(struct credentials *credentials)
{
    credentials->key = NULL;
    keys_unref(&credentials->keys);
}

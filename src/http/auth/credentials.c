/* credentials.c - see credentials.h; and what http.h says of keys.
 *
 * The header is that of RFC 6750: `Authorization: Bearer KEY`. Its challenge names an error only
 * where a token came: who sent none, or spoke of another scheme, may not have known. */
#include "http/auth/credentials.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "http/auth/keys.h"
#include "http/loop.h"
#include "http/message/head.h"
#include "http/request.h"
#include "http/server.h"

enum { LIMIT_SIZE = 64 };

#define CHALLENGE "Bearer realm=\"ordersd\""

static bool asks_for_key(const struct http_request *req)
{
    switch (req->match.route->access) {
    case HTTP_ANYONE:
    case HTTP_PROBE:
    case HTTP_HEALTH:
        return false;
    case HTTP_FIGURES:
        return req->loop->server->options.guard_figures;
    case HTTP_WITH_KEY:
        break;
    }
    return true;
}

/* The token of "Bearer TOKEN", with its length. NULL: another scheme. */
static const char *token_of(const char *header, size_t *len)
{
    static const char scheme[] = "Bearer";
    size_t name = strcspn(header, " ");
    if (name != strlen(scheme) || strncasecmp(header, scheme, name) != 0)
        return NULL;
    const char *token = header + name + strspn(header + name, " ");
    *len = strcspn(token, " \t");
    if (token[*len + strspn(token + *len, " \t")] != '\0')
        *len = 0; /* two words are no token */
    return token;
}

static const struct key *find(const struct keys *keys, const char *token, size_t len)
{
    unsigned char hash[KEY_HASH_SIZE];
    return key_hash(token, len, hash) ? keys_find(keys, hash) : NULL;
}

/* Whose it is, of those that may ask now. */
static enum reject_reason identify(struct http_request *req, struct keys *keys,
                                   const struct http_head *head)
{
    struct authority *who = &req->authority;
    size_t len = 0;
    if (head->authorization == NULL)
        return REJECT_KEY_MISSING;
    const char *token = head->authorization_twice ? NULL : token_of(head->authorization, &len);
    if (token == NULL)
        return REJECT_KEY_MALFORMED;
    who->bad_token = true;
    if (len > KEY_TEXT_MAX || !key_text_is_valid(token, len))
        return REJECT_KEY_MALFORMED;
    who->key = find(keys, token, len);
    if (who->key == NULL)
        return REJECT_KEY_UNKNOWN;
    who->bad_token = false;
    who->keys = keys_ref(keys);
    return REJECT_NONE;
}

enum reject_reason authorize(struct http_request *req, const struct http_head *head)
{
    struct keys *keys = keyring_look(&req->loop->server->keyring, &req->loop->keys);
    if (keys == NULL)
        return REJECT_NONE;
    enum reject_reason reason = identify(req, keys, head);
    req->authority.asked = asks_for_key(req);
    return req->authority.asked ? reason : REJECT_NONE;
}

/* NULL: no limit. */
static const struct key *limited(const struct http_request *req)
{
    const struct key *key = req->authority.key;
    return req->authority.asked && key != NULL && key->bucket != NULL ? key : NULL;
}

enum reject_reason authorize_rate(struct http_request *req)
{
    const struct key *key = limited(req);
    if (key == NULL)
        return REJECT_NONE;
    req->authority.wait_ns = rate_take(&key->rate, key->bucket, req->begun_at_ns);
    return req->authority.wait_ns == 0 ? REJECT_NONE : REJECT_RATE;
}

void authorize_explain(struct http_request *req, struct http_problem *problem)
{
    if (req->reject == REJECT_RATE)
        problem->retry_after_ns = req->authority.wait_ns;
    if (problem->status == 401)
        http_add_header(req, "WWW-Authenticate",
                        req->authority.bad_token ? CHALLENGE ", error=\"invalid_token\""
                                                 : CHALLENGE);
}

void authorize_show_rate(struct http_request *req)
{
    const struct key *key = limited(req);
    char text[LIMIT_SIZE];
    if (key == NULL)
        return;
    /* A refusal speaks of the moment of which its Retry-After does. */
    int64_t now_ns = req->authority.wait_ns > 0 ? req->begun_at_ns : clock_now_ns();
    struct rate_view view = rate_look(&key->rate, key->bucket, now_ns);
    (void)snprintf(text, sizeof text, "\"key\";q=%" PRIu32 ";w=%" PRIu32, key->rate.burst,
                   rate_window_s(&key->rate));
    http_add_header(req, "RateLimit-Policy", text);
    (void)snprintf(text, sizeof text, "\"key\";r=%" PRIu32 ";t=%" PRId64, view.remaining,
                   (view.more_in_ns + NS_PER_S - 1) / NS_PER_S);
    http_add_header(req, "RateLimit", text);
}

void authorize_fini(struct http_request *req)
{
    req->authority.key = NULL;
    keys_unref(&req->authority.keys);
}

/* ---- for handlers ---- */

const char *http_key_name(struct http_request *req)
{
    const struct key *key = req->authority.key;
    return key != NULL ? key->name : NULL;
}

bool http_may_use(struct http_request *req, const char *account_id)
{
    if (req->loop->server->keyring.path == NULL)
        return true;
    return req->authority.key != NULL && key_may_use(req->authority.key, account_id);
}

void http_charge(struct http_request *req, uint32_t requests)
{
    const struct key *key = limited(req);
    if (key != NULL)
        rate_charge(&key->rate, key->bucket, requests, clock_now_ns());
}

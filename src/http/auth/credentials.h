/* credentials.h - inside of the layer: whose request it is, whether its route is for them, and
 * whether they ask too often.
 *
 * Who sends a good key is known by it on every route; who sends none, or a bad one, is refused on
 * those that ask for a key and is nobody on the others. Only routes that ask for a key count
 * against its rate. The loop's thread, but where http.h says otherwise. */
#ifndef HTTP_AUTH_CREDENTIALS_H
#define HTTP_AUTH_CREDENTIALS_H

#include <stdbool.h>
#include <stdint.h>

#include "http/message/reject.h"

struct http_head;
struct http_problem;
struct http_request;
struct key;
struct keys;

struct authority {         /* of a request; begins as all zeros */
    struct keys *keys;     /* a reference, while there is a key */
    const struct key *key; /* of that set; NULL: nobody's */
    bool asked;            /* the route asks for a key */
    bool bad_token;        /* a bearer token came, and it is none of ours */
    int64_t wait_ns;       /* REJECT_RATE: until the next one */
};

/* REJECT_NONE or one of REJECT_KEY_*. The request's route is set. */
enum reject_reason authorize(struct http_request *req, const struct http_head *head);

/* REJECT_NONE, and a token is taken from the key's bucket, or REJECT_RATE. */
enum reject_reason authorize_rate(struct http_request *req);

/* What only we can say of such a refusal: WWW-Authenticate, and when to come again. */
void authorize_explain(struct http_request *req, struct http_problem *problem);

/* RateLimit and RateLimit-Policy, for the answer about to be made, where the key has a rate. */
void authorize_show_rate(struct http_request *req);

void authorize_fini(struct http_request *req);

#endif

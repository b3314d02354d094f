/* body.c - see body.h. Memory is taken for the bytes that came, not for the promise of them: a
 * small body whose length is known gets it all at once, a large one as it grows. */
#include "http/body.h"

#include <stdlib.h>
#include <string.h>

#include "http/loop.h"
#include "http/request.h"
#include "http/server.h"

enum { BODY_FIRST_BYTES = 16 * 1024, BODY_AT_ONCE_BYTES = 64 * 1024 };

static size_t capacity_for(const struct http_request *req, size_t len)
{
    const struct request_body *body = &req->body;
    if (body->expected > 0 && body->expected <= BODY_AT_ONCE_BYTES)
        return (size_t)body->expected;
    size_t max = body->expected > 0 ? (size_t)body->expected
                                    : (size_t)req->loop->server->options.max_body_bytes;
    size_t cap = body->cap > 0 ? body->cap : BODY_FIRST_BYTES;
    while (cap < len)
        cap *= 2;
    return cap < max ? cap : max;
}

/* Room for len bytes in all; false when the server has none left for bodies. */
static bool reserve(struct http_request *req, size_t len)
{
    struct request_body *body = &req->body;
    struct http_server *server = req->loop->server;
    if (len <= body->cap)
        return true;
    size_t cap = capacity_for(req, len);
    size_t more = cap - body->cap;
    uint64_t all = atomic_fetch_add_explicit(&server->bodies_bytes, more, memory_order_relaxed);
    char *data =
        all + more <= server->options.bodies_max_bytes ? realloc(body->data, cap + 1) : NULL;
    if (data == NULL) {
        atomic_fetch_sub_explicit(&server->bodies_bytes, more, memory_order_relaxed);
        return false;
    }
    body->data = data;
    body->cap = cap;
    return true;
}

static enum refusal keep(struct http_request *req, const char *piece, size_t len)
{
    struct request_body *body = &req->body;
    if (len > req->loop->server->options.max_body_bytes - body->len)
        return REFUSAL_TOO_LARGE;
    if (!reserve(req, body->len + len))
        return REFUSAL_OVERLOADED;
    memcpy(body->data + body->len, piece, len);
    body->len += len;
    body->data[body->len] = '\0';
    return REFUSAL_NONE;
}

bool body_add(struct http_request *req, const char *piece, size_t len)
{
    bool wanted = req->match.route != NULL && req->match.route->body != HTTP_NO_BODY;
    if (req->refusal == REFUSAL_NONE && wanted)
        req->refusal = keep(req, piece, len);
    if (req->refusal == REFUSAL_NONE && wanted)
        return true;
    req->body.discarded += len;
    if (req->body.discarded <= BODY_DISCARD_MAX)
        return true;
    if (req->refusal == REFUSAL_NONE)
        req->refusal = REFUSAL_TOO_LARGE;
    return false;
}

void body_fini(struct http_request *req)
{
    atomic_fetch_sub_explicit(&req->loop->server->bodies_bytes, req->body.cap,
                              memory_order_relaxed);
    free(req->body.data);
    req->body = (struct request_body){ 0 };
}

/* body.c - see body.h. The memory of a body grows with the bytes that arrive, so that a slow client
 * cannot take much memory by one byte and a large Content-Length. A body whose Content-Length is at
 * most BODY_FIRST_BYTES gets all its memory with its first byte. Any other body begins with
 * BODY_FIRST_BYTES. Its memory is doubled each time when it is full. */
#include "http/body.h"

#include <string.h>

#include "http/loop.h"
#include "http/raw_reject.h"
#include "http/request.h"
#include "http/server.h"

enum { BODY_FIRST_BYTES = 16 * 1024 };

static size_t capacity_for(const struct http_request *req, size_t len)
{
    const struct request_body *body = &req->body;
    if (body->expected > 0 && body->expected <= BODY_FIRST_BYTES)
        return (size_t)body->expected;
    size_t max = body->expected > 0 ? (size_t)body->expected : (size_t)request_body_max(req);
    size_t cap = body->bytes.cap > 0 ? body->bytes.cap : BODY_FIRST_BYTES;
    while (cap < len)
        cap *= 2;
    return cap < max ? cap : max;
}

static bool reserve(struct http_request *req, size_t len)
{
    struct body_bytes *bytes = &req->body.bytes;
    return len <= bytes->cap ||
           bodies_reserve(&req->loop->server->bodies, bytes, capacity_for(req, len));
}

static enum reject_reason keep(struct http_request *req, const char *piece, size_t len)
{
    struct body_bytes *bytes = &req->body.bytes;
    if (len > request_body_max(req) - bytes->len)
        return REJECT_TOO_LARGE;
    if (!reserve(req, bytes->len + len))
        return REJECT_OVERLOADED;
    memcpy(bytes->data + bytes->len, piece, len);
    bytes->len += len;
    bytes->data[bytes->len] = '\0';
    return REJECT_NONE;
}

bool body_add(struct http_request *req, const char *piece, size_t len)
{
    bool wanted = req->state == REQUEST_READING && req->match.route->body != HTTP_NO_BODY;
    enum reject_reason reason = wanted ? keep(req, piece, len) : REJECT_NONE;
    if (reason != REJECT_NONE)
        request_reject(req, reason);
    else if (wanted)
        return true;
    req->body.discarded += len;
    if (req->body.discarded <= BODY_DISCARD_MAX)
        return true;
    if (req->reject == REJECT_NONE)
        request_reject(req, REJECT_TOO_LARGE);
    raw_reject(req->conn, req->reject);
    return false;
}

void body_fini(struct http_request *req)
{
    bodies_free(&req->loop->server->bodies, &req->body.bytes);
    req->body = (struct request_body){ 0 };
}

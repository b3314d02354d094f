/* unpack.c - see unpack.h. While the body of a request is unpacked, the request is suspended and
 * keeps the packed body. The packed and the unpacked body both count towards the limit of all
 * bodies (bodies.h) until the packed body is freed. */
#include "http/unpack.h"

#include <stdlib.h>

#include "http/loop.h"
#include "http/message/bodies.h"
#include "http/message/gunzip.h"
#include "http/request.h"
#include "http/server.h"

struct unpack {
    struct http_work work;
    struct http_request *req;
    void (*on_unpacked)(struct http_request *req, enum reject_reason reason);
    struct gunzip gunzip;
    struct body_bytes out;
    enum gunzip_rc rc;
};

/* Called on the offload thread. */
static bool unpack_slice(struct http_work *work)
{
    struct unpack *unpack = CONTAINER_OF(work, struct unpack, work);
    unpack->rc = gunzip_slice(&unpack->gunzip);
    return unpack->rc != GUNZIP_MORE;
}

static enum reject_reason reason_of(enum gunzip_rc rc)
{
    switch (rc) {
    case GUNZIP_OK:
        return REJECT_NONE;
    case GUNZIP_INVALID:
        return REJECT_GZIP;
    case GUNZIP_TOO_LARGE:
        return REJECT_TOO_LARGE;
    case GUNZIP_MORE: /* the offload thread dropped the remaining slices */
        return REJECT_OFFLOAD_LATE;
    case GUNZIP_NO_ROOM:
        break;
    }
    return REJECT_OVERLOADED;
}

/* Called on the loop's thread. */
static void finish(struct http_completion *completion)
{
    struct unpack *unpack = CONTAINER_OF(completion, struct unpack, work.done);
    struct http_request *req = unpack->req;
    enum reject_reason reason = reason_of(unpack->rc);
    gunzip_end(&unpack->gunzip);
    bodies_free(&req->loop->server->bodies, &req->body.bytes);
    req->body.bytes = unpack->out;
    unpack->on_unpacked(req, reason);
    free(unpack);
}

bool unpack_start(struct http_request *req,
                  void (*on_unpacked)(struct http_request *req, enum reject_reason reason))
{
    struct unpack *unpack = calloc(1, sizeof *unpack);
    if (unpack == NULL)
        return false;
    unpack->work.do_slice = unpack_slice;
    unpack->work.done.finish = finish;
    unpack->req = req;
    unpack->on_unpacked = on_unpacked;
    unpack->rc = GUNZIP_MORE;
    gunzip_begin(&unpack->gunzip, &req->body.bytes, (size_t)request_body_max(req),
                 &req->loop->server->bodies, &unpack->out);
    http_offload(req, &unpack->work);
    return true;
}

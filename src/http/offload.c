/* offload.c - how a request gives work to the offload thread, see http.h and offload_thread.h. */
#include "base/clock.h"
#include "http/conn.h"
#include "http/http.h"
#include "http/loop.h"
#include "http/request.h"
#include "http/server.h"

static int64_t deadline_of(const struct http_request *req)
{
    int64_t timeout_ns = req->loop->server->options.offload_timeout_ns;
    return timeout_ns > 0 ? clock_after(req->received_at_ns, timeout_ns) : CLOCK_NEVER;
}

/* Gives the work item to the offload thread. When the server closes, that thread takes no more work
 * items, so the loop does all slices itself. */
void http_offload(struct http_request *req, struct http_work *work)
{
    struct offload_turn *turn = &req->conn->turn;
    work->loop = req->loop;
    work->deadline_at_ns = deadline_of(req);
    work->dropped = false;
    turn->client_hash = http_client_hash(req);
    if (offload_thread_take(&req->loop->server->offload, work, turn))
        return;
    while (!work->do_slice(work))
        continue;
    http_complete_one(req->loop, &work->done);
}

bool http_offload_rest(struct http_request *req, struct http_work *work)
{
    work->loop = req->loop;
    work->dropped = false;
    if (work->do_slice(work))
        return true;
    http_offload(req, work);
    return false;
}

/* body.h - stores the body of a request, within the limits of the request and of the server, or
 * reads it and throws it away. Internal to http; called by the loop's thread only.
 *
 * A request that is rejected for its headers is answered only after its body has been read and
 * thrown away. Otherwise a client that is still sending would see a broken pipe instead of the
 * answer. BODY_DISCARD_MAX limits the bytes that are read and thrown away. BODY_DISCARD_NS limits
 * the time for that, from the moment when the headers were complete (begun_at_ns in request.h). If
 * the client waits for 100 Continue, or if the end of the body cannot be known, the request is
 * answered at once and the connection is closed. */
#ifndef HTTP_BODY_H
#define HTTP_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct http_request;

enum { BODY_DISCARD_MAX = 16 * 1024 * 1024 };
#define BODY_DISCARD_NS INT64_C(5000000000)

/* Takes the next piece of the body. If the piece breaks a limit, rejects the request (req->reject),
 * and throws this and all later pieces away. Returns false if more than BODY_DISCARD_MAX bytes were
 * thrown away: then the request has been answered (raw_reject.h), and the caller must close the
 * connection. */
bool body_add(struct http_request *req, const char *piece, size_t len) MUST_CHECK;

void body_fini(struct http_request *req);

#endif

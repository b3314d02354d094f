/* reject.c - see reject.h. */
#include "http/message/reject.h"

#include "base/clock.h"
#include "http/message/problem.h"

struct reject_row {
    int status;
    bool retryable;
    bool close; /* the connection is closed after the answer */
    const char *code;
    const char *phrase; /* of the status line that raw_reject.c writes */
    const char *title;
    const char *detail; /* NULL: reject_detail.c makes the detail for each request */
};

/* clang-format off */
static const struct reject_row rows[] = {
    [REJECT_FRAMING] =          { 400, false, true,  "malformed_request", "Bad Request",
        "The request cannot be read", NULL },
    [REJECT_LENGTH] =           { 400, false, true,  "malformed_request", "Bad Request",
        "The request cannot be read", "Content-Length is no number: it must be decimal digits, with no sign, blank or comma." },
    [REJECT_REPEATED] =         { 400, false, false, "malformed_request", "Bad Request",
        "The request cannot be read", NULL },
    [REJECT_COOKIES] =          { 400, false, true,  "malformed_request", "Bad Request",
        "The request cannot be read", "Cookie does not fit into HTTP_HEADER_MAX beside the other headers; leave it out, as no cookie is read here." },
    [REJECT_TARGET] =           { 400, false, true,  "malformed_target", "Bad Request",
        "The request target cannot be read", NULL },
    [REJECT_GZIP] =             { 400, false, false, "invalid_gzip", "Bad Request",
        "The body is not what Content-Encoding says",
        "Content-Encoding is gzip, but the body is not one whole gzip stream: it has another format, is cut short or damaged, or has bytes behind its end." },
    [REJECT_NO_CLIENT_CERTIFICATE] = { 403, false, true, "client_certificate_required", "Forbidden",
        "A client certificate is needed", "This server requires a TLS certificate of every client, and the connection has none." },
    [REJECT_CLIENT_CERTIFICATE] = { 403, false, true, "client_certificate_refused", "Forbidden",
        "The client certificate is refused", NULL },
    [REJECT_HOST] =             { 421, false, false, "host_not_allowed", "Misdirected Request",
        "This server does not answer to that host", NULL },
    [REJECT_ORIGIN] =           { 403, false, false, "origin_not_allowed", "Forbidden",
        "Pages of this origin may not use this server", NULL },
    [REJECT_NOT_FOUND] =        { 404, false, false, "not_found", "Not Found",
        "No such resource", "No resource has this path." },
    [REJECT_METHOD] =           { 405, false, false, "method_not_allowed", "Method Not Allowed",
        "The method does not fit the resource", NULL },
    [REJECT_NOT_ACCEPTABLE] =   { 406, false, false, "not_acceptable", "Not Acceptable",
        "No media type that Accept allows is available", NULL },
    [REJECT_KEY_MISSING] =      { 401, false, false, "key_missing", "Unauthorized",
        "A key is needed", "Send a key: Authorization: Bearer KEY." },
    [REJECT_KEY_MALFORMED] =    { 401, false, false, "key_malformed", "Unauthorized",
        "The key is malformed", "Send Authorization once, as Bearer and a key of at most 512 characters A-Z a-z 0-9 - . _ ~ + / =." },
    [REJECT_KEY_UNKNOWN] =      { 401, false, false, "key_unknown", "Unauthorized",
        "The key is not known", "This server does not know the key, or the key was revoked." },
    [REJECT_RATE] =             { 429, true,  false, "rate_limited", "Too Many Requests",
        "The key's rate is used up", "Repeat the request after Retry-After; RateLimit-Policy has the rate." },
    [REJECT_TIMEOUT] =          { 408, true,  true,  "request_timeout", "Request Timeout",
        "The request took too long to arrive", "Headers and body did not arrive in time." },
    [REJECT_NO_LENGTH] =        { 411, false, true,  "length_required", "Length Required",
        "The length of the body is not given", "Content-Length is missing; send it, or Transfer-Encoding: chunked." },
    [REJECT_TOO_LARGE] =        { 413, false, false, "body_too_large", "Content Too Large",
        "The body is too large", NULL },
    [REJECT_CONTENT_TYPE] =     { 415, false, false, "unsupported_media_type", "Unsupported Media Type",
        "The body has the wrong type", NULL },
    [REJECT_CONTENT_ENCODING] = { 415, false, false, "unsupported_content_encoding", "Unsupported Media Type",
        "The Content-Encoding is not supported", NULL },
    [REJECT_ADDRESS] =          { 429, true,  true,  "too_many_connections_of_address", "Too Many Requests",
        "Too many connections of one address", NULL },
    [REJECT_CONNECTIONS] =      { 503, true,  true,  "too_many_connections", "Service Unavailable",
        "Too many connections", "All connections that this server may have are in use." },
    [REJECT_OVERLOADED] =       { 503, true,  false, "overloaded", "Service Unavailable",
        "The server is overloaded", "All the memory that requests and their answers may take is in use." },
    [REJECT_OFFLOAD_LATE] =     { 503, true,  false, "overloaded", "Service Unavailable",
        "The server is overloaded", "The request waited too long for its turn to be read." },
    [REJECT_CLOSING] =          { 503, true,  true,  "shutting_down", "Service Unavailable",
        "The service is shutting down", "The server no longer takes requests." },
};
/* clang-format on */

_Static_assert(sizeof rows / sizeof rows[0] == REJECT_REASONS, "a row for each reason");

bool reject_closes(enum reject_reason reason)
{
    return rows[reason].close;
}

const char *reject_phrase(enum reject_reason reason)
{
    return rows[reason].phrase;
}

struct http_problem reject_problem(enum reject_reason reason)
{
    const struct reject_row *row = &rows[reason];
    bool come_again = row->status == 503 || row->status == 429;
    return (struct http_problem){
        .status = row->status,
        .code = row->code,
        .title = row->title,
        .detail = row->detail,
        .outcome = "not_accepted",
        .retryable = row->retryable,
        .retry_after_ns = come_again ? NS_PER_S : 0,
        .offset = -1,
    };
}

bool http_own_problem(size_t i, struct http_problem *out)
{
    static const struct http_problem *const others[] = { &problem_no_answer, &problem_cut_short };
    const size_t n_rows = sizeof rows / sizeof rows[0] - 1; /* REJECT_NONE has no problem */
    if (i < n_rows)
        *out = reject_problem((enum reject_reason)(i + 1));
    else if (i - n_rows < sizeof others / sizeof others[0])
        *out = *others[i - n_rows];
    else
        return false;
    return true;
}

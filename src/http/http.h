/* http.h - event loops over libmicrohttpd: requests in, answers out, deadlines kept. Knows no
 * orders and no database.
 *
 * Loops      each loop thread owns an MHD daemon and drives it from outside (MHD_USE_EPOLL without
 * a thread of MHD's own, which stalls; design.md section 4). Handlers run on the loop thread and
 * must not block. Answers    a handler either answers at once, or returns without: then the request
 * is deferred, its connection suspended, until http_answer() or http_problem() is called ON THE
 * SAME LOOP THREAD: from a completion's `finish` or from the request's deadline. Exactly one answer
 *            a request.
 * Completion other threads give work back with http_complete(): a list, one lock and one eventfd
 *            write a call, then `finish` runs on the loop for each, oldest first.
 * Ownership  a request lives until its answer was sent or its client is gone: after answering, do
 *            not touch it. A deferred request stays until it is answered, even with its client
 * gone. */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "http/auth/api_keys.h"
#include "http/message/problem.h"
#include "http/message/route.h"

struct budget;
struct pieces;

struct http_server;  /* opaque */
struct http_loop;    /* opaque */
struct http_request; /* opaque */
struct http_tls;     /* http/tls/tls.h */
struct sockaddr;

enum { HTTP_ID_SIZE = 129 };

/* ---- the request, as a handler sees it; loop thread only; pointers live as long as the request
 * ---- */

struct http_loop *http_loop_of(struct http_request *req);
const struct http_server *http_server_of(struct http_request *req);
const char *http_request_id(struct http_request *req);
const char *http_trace_id(struct http_request *req); /* of traceparent; "" without a good one */
const char *http_path_part(struct http_request *req, size_t i); /* i-th brace part */
/* The first header of that name, without blanks about it; NULL when absent. */
const char *http_header(struct http_request *req, const char *name);
/* Calls `see` for each header of that name, in the order in which they came: together they are one
 * list. */
void http_each_header(struct http_request *req, const char *name,
                      void (*see)(void *arg, const char *value), void *arg);
/* The value of a query parameter, NULL when absent; *count (may be NULL): how often it was given.
 */
const char *http_query(struct http_request *req, const char *name, size_t *count);
/* "" when empty; NUL-terminated; unpacked where it came as gzip. */
const char *http_body(struct http_request *req, size_t *len);
/* Frees the body: nothing of it is needed any more. */
void http_body_done(struct http_request *req);
int64_t http_received_at_ns(struct http_request *req); /* when its last byte arrived */
bool http_body_is_lines(struct http_request *req);     /* application/x-ndjson */

/* Does Accept have room for that type? Absent, empty or malformed it has room for all. For a choice
 * between two: is media_type wanted more than `over`, the default? Not so where both are as good. A
 * type may have parameters, see accept.h. */
bool http_accepts(struct http_request *req, const char *media_type);
bool http_prefers(struct http_request *req, const char *media_type, const char *over);

/* ---- the key that a request came with; any thread while the request waits for its answer ---- */

/* NULL: it came with none that is good, or no keys are asked for. */
const char *http_key_name(struct http_request *req);

/* May the key of this request use that account? Everyone may where no keys are asked for. */
bool http_may_use(struct http_request *req, const char *account_id);

/* Counts as so many requests more against the rate of the key, below zero if need be: for one that
 * turns out to hold many. */
void http_charge(struct http_request *req, uint32_t requests);

/* ---- answering ---- */

/* Before http_answer() or http_problem(); both strings are copied. Cache-Control is no-store unless
 * it is one of them. */
void http_add_header(struct http_request *req, const char *name, const char *value);
/* Takes the bytes out of *body (leaves it empty). A failed buffer is answered 500; a buffer for
 * which the budget (http_options.memory) has no room is answered 503 overloaded. A caller that has
 * committed an order must not get there, so it reserves the room before. */
void http_answer(struct http_request *req, int status, const char *content_type, struct buf *body);

/* An answer of up to so many bytes needs no room in the budget: each connection has that much
 * anyway. */
enum { HTTP_ANSWER_FREE = 4096 };

/* Reserves room for an answer of so many bytes. False: the budget has none. */
bool http_reserve(struct http_request *req, size_t bytes) MUST_CHECK;

/* An answer of bytes that live longer than the server, and are not copied. */
void http_answer_static(struct http_request *req, int status, const char *content_type,
                        const char *bytes, size_t len);

/* A large answer, whose memory is given back as it leaves. Takes the pieces out of *body (leaves it
 * empty). Of what was reserved for it and not needed, HTTP_BLOCK_BYTES are kept until it has left.
 */
enum { HTTP_BLOCK_BYTES = 16 * 1024 };
void http_answer_pieces(struct http_request *req, int status, const char *content_type,
                        struct pieces *body);

void http_problem(struct http_request *req, const struct http_problem *problem);

/* For an answer that is no problem document and holds refusals all the same: the code that
 * http_answered names. `code` is a constant, or lives as long as the request. */
void http_note_code(struct http_request *req, const char *code);
/* A problem with more members than a string should hold. Any thread, while the request is deferred:
 * adds the document without its end to *out, to which the caller adds members, each behind a comma,
 * and "}\n". Then, on the loop, the answer. `members` is not looked at. */
void http_problem_open(struct http_request *req, const struct http_problem *problem,
                       struct pieces *out);
void http_problem_pieces(struct http_request *req, const struct http_problem *problem,
                         struct pieces *body);

/* 404 not_found, as where no route has the path. */
void http_not_found(struct http_request *req);

/* 503 overloaded, not_accepted: the request waited too long for the offload thread. */
void http_overloaded(struct http_request *req);

/* ---- deferring ---- */

/* on_deadline runs once on the loop when the moment has come and no answer was given yet. */
void http_deadline(struct http_request *req, int64_t at_ns,
                   void (*on_deadline)(struct http_request *req, void *arg), void *arg);

struct http_completion {
    struct http_completion *next;
    void (*finish)(struct http_completion *completion); /* on the loop thread */
};

/* Any thread. The list is the loop's from here on. */
void http_complete(struct http_loop *loop, struct http_completion *first);

/* Work that would hold the loop up for more than a moment, for the one offload thread of the
 * server: `run` there, once for each slice, then `done.finish` on the loop. Between two slices the
 * thread serves other clients, so a slice is to take about 100 us. The request that the work is for
 * waits meanwhile as a deferred one does, so there is at most one such work a request.
 *
 * Unless `keep` is set, the rest of the work is dropped when offload_timeout has passed since the
 * request was received, or when the client is gone. Then `dropped` is true in `done.finish`, which
 * answers http_overloaded(). */
struct http_work {
    struct http_completion done;         /* first */
    bool (*run)(struct http_work *work); /* does one slice; true: the work is finished */
    bool keep;    /* the result is needed whatever happens: of what may have been stored */
    bool dropped; /* written by http_offload() and the offload thread */
    /* Set by http_offload(). */
    struct http_loop *loop;
    int64_t deadline_at_ns;
};
void http_offload(struct http_request *req, struct http_work *work); /* loop thread only */

/* The same, but the first slice is done at once, on the loop, and the rest, if there is any, is
 * offloaded. True: the work is finished, and done.finish is not called. */
bool http_offload_rest(struct http_request *req, struct http_work *work) MUST_CHECK;

/* ---- the server ---- */

/* What became of a request; strings are borrowed for the call. */
struct http_answered {
    const char *request_id;
    const char *trace_id; /* "" when there is none */
    const char *method;   /* one of HTTP's own, else "_OTHER": never what the client wrote */
    const char *route;    /* its path; "" when none matched */
    const char *key;      /* the name of the key that it came with; "" when there is none */
    const char *code; /* of the problem document, or of http_note_code(); "" when there is none */
    const struct sockaddr *client; /* see http_client_text() */
    int status;
    int64_t duration_ns;
};

/* The address of a client without its port; "" when it has none. An IPv4 address that comes mapped
 * into IPv6 is written as IPv4. */
enum { HTTP_CLIENT_SIZE = 48 };
void http_client_text(const struct sockaddr *client, char out[HTTP_CLIENT_SIZE]);

struct http_options {
    /* A listening TCP socket, taken over, also on failure, in place of address and port; 0: none.
     */
    int listen_fd;
    const char *address; /* IPv4 or IPv6, numeric */
    uint32_t port;       /* 0: any free one, see http_server_port() */
    uint32_t threads;
    /* Over all loops. Beyond them each loop takes some more, on which only HTTP_PROBE, HTTP_HEALTH
     * and HTTP_FIGURES are served: see http_sockets_max(). */
    uint32_t max_connections;
    uint32_t max_connections_per_address; /* 0: no limit */
    uint64_t max_body_bytes, bodies_max_bytes;
    uint64_t
        max_document_bytes; /* of a body that is HTTP_JSON_BODY; 0: max_body_bytes alone counts */
    uint64_t header_max_bytes; /* MHD's memory per connection */
    struct budget *memory;     /* of bodies and answers; borrowed; NULL: bodies alone are bounded */
    int64_t read_timeout_ns, idle_timeout_ns;
    int64_t offload_timeout_ns; /* see struct http_work; 0: no limit */
    struct http_tls *tls;       /* NULL: plain HTTP; borrowed */
    const struct http_route *routes;
    size_t n_routes;
    const char *keys_file; /* whom HTTP_WITH_KEY lets in: see http_keys_check(); NULL: everyone */
    bool guard_figures;    /* HTTP_FIGURES asks for a key too */
    /* All but HTTP_PROBE refuse requests for a host, or from pages of an origin, that is not one of
     * loopback, the server's own address, or in allowed_hosts: see http_hosts_check(). */
    bool check_hosts;
    const char *allowed_hosts; /* NULL: none */
    void *ctx;                 /* for handlers */
    /* One call an answered request, on its loop: for the log. */
    void (*on_answer)(void *ctx, const struct http_answered *answered);
};

/* Is that a list of hosts: names and addresses without a port, with commas between them? False:
 * *err names the one that is none. */
bool http_hosts_check(const char *hosts, struct err *err) MUST_CHECK;

/* Binds, then serves. NULL: *err names the address and the reason ("address already in use"). */
struct http_server *http_server_open(const struct http_options *options,
                                     struct err *err) MUST_CHECK;
/* The most sockets of clients that such a server has open at a time. */
uint64_t http_sockets_max(uint32_t max_connections, uint32_t threads);
uint32_t http_server_port(const struct http_server *server);
uint32_t http_server_loops(const struct http_server *server);

/* Stops accepting; answers from now on carry Connection: close; idle connections end 1 s later. */
void http_server_drain(struct http_server *server);

/* Has every loop been round since the last call? It also asks them to do so again, unless one has
 * not: that one is waited for. One thread at a time. */
bool http_server_alive(struct http_server *server) MUST_CHECK;

/* Requests begun and not yet answered; any thread. */
uint64_t http_server_in_flight(const struct http_server *server);
uint64_t http_server_connections(const struct http_server *server);

/* What http_options.memory does not count, at most: connections with all that each has for itself,
 * and answers of probes and figures. Of the options, max_connections, threads and header_max_bytes
 * count. */
uint64_t http_fixed_bytes(const struct http_options *options, bool tls);

/* http_server_request_duration_seconds{http_request_method,http_route,http_response_status_code}
 * and the connection gauges, in Prometheus text. */
void http_server_metrics(const struct http_server *server, struct buf *out);
/* The same of a server with these routes, with every value that a label can have and no figure
 * that means anything: for a manual. Nothing when out of memory. */
void http_blank_metrics(const struct http_route *routes, size_t n_routes, struct buf *out);

/* ---- keys (design.md section 5, "Who may") ---- */

/* Reads the file again: whole and good, or the keys stay as they were. Requests under way keep the
 * key that they came with, and keys of the same name and rate what they have used of it. One thread
 * at a time. */
bool http_server_reload_keys(struct http_server *server, struct err *err) MUST_CHECK;
void http_server_keys(struct http_server *server, struct http_keys_info *info);

/* Answers what is still deferred with 503 shutting_down, outcome unknown, joins the loops, frees.
 * No http_complete() may come after it has begun. NULL is a no-op. */
void http_server_close(struct http_server **server);

#endif

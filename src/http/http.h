/* http.h - an HTTP server over libmicrohttpd: event loops, requests, answers, deadlines. It knows
 * no orders and no database.
 *
 * Loops        Each loop is a thread with a libmicrohttpd daemon of its own, which it drives from
 *              outside: libmicrohttpd's own epoll thread stalls (docs/DESIGN.md, "Decisions").
 *              Handlers run on the thread of their loop and must not block.
 * Answers      Each request has one answer. A handler answers before it returns, or returns without
 *              an answer: then the request is deferred, and its connection is suspended. A deferred
 *              request is answered by http_answer() or another function of its kind, on the thread
 *              of its loop: in the `finish` of a completion, or in its on_deadline.
 * Completions  Another thread gives work back to a loop by http_complete(). The loop calls `finish`
 *              of each completion, the oldest first.
 * Ownership    A request lives until its answer has been sent or its client is gone, so do not
 *              touch it after answering. A deferred request lives until it is answered, even if
 *              its client is gone.
 * Threads      A function that takes a request: the thread of its loop. A function that takes a
 *              server: any thread. A function that differs says so.
 * Units        *_ns: nanoseconds. *_at_ns: a moment of the monotonic clock (base/clock.h). */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/list.h"
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

/* ---- the request, as a handler sees it; pointers live as long as the request ---- */

struct http_loop *http_loop_of(struct http_request *req);
const struct http_server *http_server_of(struct http_request *req);
const char *http_request_id(struct http_request *req);
const char *http_trace_id(struct http_request *req); /* of traceparent; "" without a good one */
const char *http_path_part(struct http_request *req, size_t i); /* i-th brace part */

/* The first header of that name, without blanks around it; NULL when absent. */
const char *http_header(struct http_request *req, const char *name);

/* Calls `see` for each header of that name, in the order of the request: they are one list. */
void http_each_header(struct http_request *req, const char *name,
                      void (*see)(void *arg, const char *value), void *arg);

/* The first value of a query parameter; NULL when absent. *count (may be NULL) says how often the
 * parameter is given. */
const char *http_query(struct http_request *req, const char *name, size_t *count);

/* The body, unpacked if it came as gzip, with a NUL behind it; "" when empty. */
const char *http_body(struct http_request *req, size_t *len);

/* Frees the body early. */
void http_body_done(struct http_request *req);
int64_t http_received_at_ns(struct http_request *req); /* when its last byte arrived */
bool http_body_is_lines(struct http_request *req);     /* application/x-ndjson */

/* Does Accept allow that media type? If Accept is absent, empty or malformed, it allows all. A type
 * may have parameters, see http/message/accept.h. */
bool http_accepts(struct http_request *req, const char *media_type);

/* For a choice between two: does Accept rank media_type above `over`, the default? */
bool http_prefers(struct http_request *req, const char *media_type, const char *over);

/* ---- the API key of the request; any thread while the request waits for its answer ---- */

/* NULL: the request presents no good key, or the server asks for no keys. */
const char *http_key_name(struct http_request *req);

/* May the key of this request use that account? True if the server asks for no keys. */
bool http_may_use(struct http_request *req, const char *account_id);

/* Takes so many more requests from the rate of the key, which may go below zero: for a request that
 * turns out to hold many orders. */
void http_charge(struct http_request *req, uint32_t requests);

/* ---- answering ---- */

/* Before http_answer() or http_problem(); both strings are copied. Cache-Control is no-store unless
 * it is one of the headers added. */
void http_add_header(struct http_request *req, const char *name, const char *value);

/* Takes the bytes out of *body, which is empty afterwards. A failed buffer is answered 500. If the
 * budget (http_options.memory) has no room for the buffer, the answer is 503 overloaded; a caller
 * that has committed an order must avoid that, so it reserves the room before. */
void http_answer(struct http_request *req, int status, const char *content_type, struct buf *body);

/* An answer of up to so many bytes needs no room in the budget: each connection has that much. */
enum { HTTP_ANSWER_FREE = 4096 };

/* Reserves room for an answer of so many bytes. False: the budget has none. */
bool http_reserve(struct http_request *req, size_t bytes) MUST_CHECK;

/* An answer of bytes that live longer than the server, and are not copied. */
void http_answer_static(struct http_request *req, int status, const char *content_type,
                        const char *bytes, size_t len);

/* A large answer, whose memory is given back to the budget while it is sent. Takes the pieces out
 * of *body, which is empty afterwards. Of the bytes that were reserved for the answer and are not
 * needed, HTTP_BLOCK_BYTES are kept until the answer has been sent. */
enum { HTTP_BLOCK_BYTES = 16 * 1024 };
void http_answer_pieces(struct http_request *req, int status, const char *content_type,
                        struct pieces *body);

void http_problem(struct http_request *req, const struct http_problem *problem);

/* Sets the code that http_answered names, for an answer that is no problem document and holds
 * rejections all the same. `code` is a constant, or lives as long as the request. */
void http_note_code(struct http_request *req, const char *code);

/* A problem with more members than a string should hold. http_problem_open() adds the document
 * without its end to *out; any thread may call it while the request is deferred. The caller adds
 * members, each after a comma, and "}\n". http_problem_pieces() then answers with the result.
 * problem->members is ignored. */
void http_problem_open(struct http_request *req, const struct http_problem *problem,
                       struct pieces *out);
void http_problem_pieces(struct http_request *req, const struct http_problem *problem,
                         struct pieces *body);

/* 404 not_found, as for a path that has no route. */
void http_not_found(struct http_request *req);

/* 503 overloaded, not_accepted: the request has waited too long for the offload thread. */
void http_overloaded(struct http_request *req);

/* ---- deferring ---- */

/* Calls on_deadline once, on the loop, when that moment has come and no answer has been given. */
void http_deadline(struct http_request *req, int64_t at_ns,
                   void (*on_deadline)(struct http_request *req, void *arg), void *arg);

struct http_completion {
    struct fifo_node link;
    void (*finish)(struct http_completion *completion); /* on the loop thread */
};

/* Any thread. The loop takes all completions (http_completion.link) out of the fifo, which is empty
 * afterwards; an empty one is a no-op. */
void http_complete(struct http_loop *loop, struct fifo *completions);
void http_complete_one(struct http_loop *loop, struct http_completion *completion);

/* Work that would hold the loop up for more than a moment. The one offload thread of the server
 * calls `do_slice` for each slice of it, then the loop calls `done.finish`. Between two slices the
 * thread serves other clients, so a slice is to take about 100 us. The request waits meanwhile as a
 * deferred one does, so a request has at most one such work.
 *
 * Unless `keep` is set, the remaining slices are dropped when offload_timeout has passed since the
 * request was received, or when the client is gone. Then `dropped` is true in `done.finish`, which
 * answers by http_overloaded(). */
struct http_work {
    struct http_completion done;              /* first */
    bool (*do_slice)(struct http_work *work); /* true: the work is finished */
    bool keep;    /* never dropped: the result tells what may have been stored */
    bool dropped; /* written by http_offload() and the offload thread */
    /* Set by http_offload(). */
    struct http_loop *loop;
    int64_t deadline_at_ns;
};
void http_offload(struct http_request *req, struct http_work *work);

/* Does the first slice at once, on the loop, and offloads the others if there are any. True: the
 * work is finished, and done.finish is not called. */
bool http_offload_rest(struct http_request *req, struct http_work *work) MUST_CHECK;

/* ---- the server ---- */

/* How a request was answered; the strings are borrowed for the call. */
struct http_answered {
    const char *request_id;
    const char *trace_id; /* "" when there is none */
    const char *method;   /* a method of HTTP, else "_OTHER": never the bytes of the client */
    const char *route;    /* its path; "" when none matched */
    const char *key;      /* the name of the API key; "" when there is none */
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
    int listen_fd; /* > 0: a listening TCP socket, used instead of address and port; the server
                      owns it, also if it fails to open */
    const char *address; /* IPv4 or IPv6, numeric */
    uint32_t port;       /* 0: any free one, see http_server_port() */
    uint32_t threads;
    /* Over all loops. Each loop takes some connections more, on which only HTTP_PROBE, HTTP_HEALTH
     * and HTTP_FIGURES are served: see http_sockets_max(). */
    uint32_t max_connections;
    uint32_t max_connections_per_address; /* 0: no limit */
    uint64_t max_body_bytes, bodies_max_bytes;
    uint64_t max_document_bytes; /* of an HTTP_JSON_BODY; 0: max_body_bytes alone counts */
    uint64_t header_max_bytes;   /* libmicrohttpd's memory for each connection */
    struct budget *memory; /* of bodies and answers; borrowed; NULL: bodies alone are bounded */
    int64_t read_timeout_ns, idle_timeout_ns;
    int64_t offload_timeout_ns; /* see struct http_work; 0: no limit */
    struct http_tls *tls;       /* NULL: plain HTTP; borrowed */
    const struct http_route *routes;
    size_t n_routes;
    const char
        *keys_file;     /* the keys for HTTP_WITH_KEY, see api_keys.h; NULL: none are asked for */
    bool guard_figures; /* HTTP_FIGURES requires a key too */
    /* Rejects requests for a host, or from pages of an origin, that is not loopback, the server's
     * own address or one of allowed_hosts (http_hosts_check()). HTTP_PROBE is exempt. */
    bool check_hosts;
    const char *allowed_hosts; /* NULL: none */
    void *ctx;                 /* for handlers */
    /* Called once for each answered request, on its loop: for the log. */
    void (*on_answer)(void *ctx, const struct http_answered *answered);
};

/* Checks a list of names and addresses without a port, with commas between them. False: *err names
 * the member that is no host. */
bool http_hosts_check(const char *hosts, struct err *err) MUST_CHECK;

/* Binds, then serves. NULL: *err names the address and the reason ("address already in use"). */
struct http_server *http_server_open(const struct http_options *options,
                                     struct err *err) MUST_CHECK;

/* The most client sockets that such a server has open at one time. */
uint64_t http_sockets_max(uint32_t max_connections, uint32_t threads);
uint32_t http_server_port(const struct http_server *server);
uint32_t http_server_loops(const struct http_server *server);

/* Stops accepting; answers from now on carry Connection: close; idle connections end 1 s later. */
void http_server_drain(struct http_server *server);

/* Has every loop made a round since the last call? If so, asks the loops for the next round. One
 * thread at a time. */
bool http_server_alive(struct http_server *server) MUST_CHECK;

/* Requests that have begun and are not answered yet. */
uint64_t http_server_in_flight(const struct http_server *server);
uint64_t http_server_connections(const struct http_server *server);

/* The most bytes that http_options.memory does not count: connections with what each of them has
 * for itself, and the answers of probes and figures. Depends on max_connections, threads and
 * header_max_bytes alone. */
uint64_t http_fixed_bytes(const struct http_options *options, bool tls);

/* http_server_request_duration_seconds{http_request_method,http_route,http_response_status_code}
 * and the connection gauges, in Prometheus text. */
void http_server_metrics(const struct http_server *server, struct buf *out);

/* The same for a server with these routes, with every value that a label can have and without
 * meaningful figures: for a manual. Adds nothing when out of memory. */
void http_blank_metrics(const struct http_route *routes, size_t n_routes, struct buf *out);

/* Reads the file of keys again. False: *err, and the keys stay as they were. Requests under way
 * keep their key. A key of the same name and rate keeps what has been used of its rate. One thread
 * at a time. */
bool http_server_reload_keys(struct http_server *server, struct err *err) MUST_CHECK;
void http_server_keys(struct http_server *server, struct http_keys_info *info);

/* Answers the deferred requests with 503 shutting_down, outcome unknown; joins the loops; frees.
 * http_complete() must not be called after it has begun. NULL is a no-op. */
void http_server_close(struct http_server **server);

#endif

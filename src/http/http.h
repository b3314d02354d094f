/* http.h - an HTTP server over libmicrohttpd: event loops, requests, answers, deadlines. It knows
 * no orders and no database.
 *
 * Loops        Each loop is a thread. It runs a libmicrohttpd daemon of its own by MHD_run().
 *              libmicrohttpd could start a thread itself, but its thread stalls (docs/DESIGN.md,
 *              "Decisions"). Handlers run on the thread of their loop and must not block.
 * Answers      Each request has one answer. A handler may answer before it returns. If it does not,
 *              the request is deferred: its connection is suspended until `finish` of a completion,
 *              or on_deadline of the request, calls http_answer() or another answering function.
 *              Both run on the thread of the request's loop.
 * Completions  Another thread gives work back to a loop by http_complete(). The loop calls `finish`
 *              of each completion, the oldest first.
 * Ownership    A request lives until its answer has been sent or its client is gone, so do not
 *              touch it after answering. A deferred request lives until it is answered, even if its
 *              client is gone.
 * Threads      A function that takes a request is called on the thread of the request's loop. A
 *              function that takes a server may be called on any thread. If a function differs from
 *              this, its comment says so.
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
/* Returns the trace id of the traceparent header, or "" if that header is absent or malformed. */
const char *http_trace_id(struct http_request *req);
/* Returns the segment of the request's path that stands for the i-th {name} in the route's path,
 * counted from 0. */
const char *http_path_part(struct http_request *req, size_t i);

/* Returns the value of the first header of that name, without blanks around it, or NULL if there is
 * no such header. */
const char *http_header(struct http_request *req, const char *name);

/* Calls `see` with the value of each header of that name, from the first to the last. A header that
 * is given several times is one list of all its values (RFC 9110, 5.3). */
void http_each_header(struct http_request *req, const char *name,
                      void (*see)(void *arg, const char *value), void *arg);

/* Returns the first value of a query parameter, or NULL if the parameter is absent. Sets *count to
 * how often the parameter is given; `count` may be NULL. */
const char *http_query(struct http_request *req, const char *name, size_t *count);

/* Returns the body, unpacked if it came as gzip, with a NUL behind it, and sets *len to its length.
 * An empty body is "". */
const char *http_body(struct http_request *req, size_t *len);

/* Frees the body. Answering the request frees it too. */
void http_body_done(struct http_request *req);
int64_t http_received_at_ns(struct http_request *req); /* when the request's last byte arrived */
bool http_body_is_lines(struct http_request *req);     /* the body is application/x-ndjson */

/* Returns true if the Accept header allows `media_type`, which may have parameters (see
 * http/message/accept.h). If Accept is absent, empty or malformed, every type is allowed. */
bool http_accepts(struct http_request *req, const char *media_type);

/* Returns true if the Accept header ranks `media_type` above `over`. A handler that can answer with
 * either type passes its default as `over`. */
bool http_prefers(struct http_request *req, const char *media_type, const char *over);

/* ---- the API key of a request; any thread may call these until the request is answered ---- */

/* Returns the name of the request's API key. Returns NULL if the request has no valid key, or if
 * the server requires no keys. */
const char *http_key_name(struct http_request *req);

/* Returns true if the key of this request may use that account, or if the server requires no
 * keys. */
bool http_may_use(struct http_request *req, const char *account_id);

/* Returns a hash that tells clients apart: it is equal for all requests that present the same key,
 * and for all requests without a key that come from one address. No client can choose a hash that
 * collides with another client's, because the hash of a key is as random as the key, and the hash
 * of an address is seeded. */
uint64_t http_client_hash(const struct http_request *req);

/* Counts `requests` more requests against the rate of the key. The handler of a batch of n orders
 * passes n - 1. Afterwards requests with the key may have to wait longer (rate.h). */
void http_charge(struct http_request *req, uint32_t requests);

/* Adds n to the i-th count of the request's key, i < HTTP_KEY_COUNTS. Without a key, does nothing.
 * What the counts mean is up to the handlers. */
void http_key_count(struct http_request *req, unsigned i, uint64_t n);

/* Returns the figures of the active keys, and sets *n to their number (keys.h). The caller frees
 * the array. Returns NULL if the server requires no keys, or memory is out. Called on the loop's
 * thread. */
struct http_key_figures *http_key_figures_of_all(struct http_request *req, size_t *n) MUST_CHECK;

/* ---- answering ---- */

/* Adds a header to the answer. Called before http_answer() or http_problem(). Both strings are
 * copied. If no Cache-Control header is added, the answer has Cache-Control: no-store. */
void http_add_header(struct http_request *req, const char *name, const char *value);

/* Answers with the bytes of *body, which is empty afterwards. If the buffer has failed, the answer
 * is 500 instead. If the budget (http_options.memory) has no room for the bytes, the answer is 503
 * overloaded with the outcome not_accepted. This outcome would be false for a committed order, so a
 * handler calls http_reserve() before an order is committed. */
void http_answer(struct http_request *req, int status, const char *content_type, struct buf *body);

/* An answer of at most HTTP_ANSWER_FREE bytes takes nothing from the budget, because
 * http_fixed_bytes() counts HTTP_ANSWER_FREE bytes for each connection. */
enum { HTTP_ANSWER_FREE = 4096 };

/* Reserves room in the budget for an answer of `bytes` bytes. Returns false if the budget has no
 * room. */
bool http_reserve(struct http_request *req, size_t bytes) MUST_CHECK;

/* Answers with bytes that live longer than the server. The bytes are not copied. */
void http_answer_static(struct http_request *req, int status, const char *content_type,
                        const char *bytes, size_t len);

/* Answers with the pieces of *body, which is empty afterwards. libmicrohttpd sends from a block of
 * memory into which it copies one piece after the other. A piece that was copied is freed, and its
 * bytes are given back to the budget. For the block at most HTTP_BLOCK_BYTES of the budget are held
 * until the answer has been sent. */
enum { HTTP_BLOCK_BYTES = 16 * 1024 };
void http_answer_pieces(struct http_request *req, int status, const char *content_type,
                        struct pieces *body);

void http_problem(struct http_request *req, const struct http_problem *problem);

/* Sets http_answered.code, for an answer that is no problem document but still reports rejected
 * orders. `code` is a constant, or lives as long as the request. */
void http_note_code(struct http_request *req, const char *code);

/* These two functions make a problem document that has many extra members. http_problem_open() adds
 * the document without its end to *out; any thread may call it while the request is deferred. The
 * caller adds the members, each after a comma, and "}\n". http_problem_pieces() then answers with
 * the result. Both functions ignore problem->members. */
void http_problem_open(struct http_request *req, const struct http_problem *problem,
                       struct pieces *out);
void http_problem_pieces(struct http_request *req, const struct http_problem *problem,
                         struct pieces *body);

/* Answers 404 not_found, as for a path that has no route. */
void http_not_found(struct http_request *req);

/* Answers 503 overloaded with the outcome not_accepted, because the request has waited too long for
 * the offload thread. */
void http_overloaded(struct http_request *req);

/* ---- deferring ---- */

/* Calls on_deadline once at the moment at_ns, on the loop's thread, unless the request has been
 * answered before. */
void http_deadline(struct http_request *req, int64_t at_ns,
                   void (*on_deadline)(struct http_request *req, void *arg), void *arg);

struct http_completion {
    struct fifo_node link;
    void (*finish)(struct http_completion *completion); /* called on the loop's thread */
};

/* Gives completions to the loop, which calls `finish` of each. Any thread may call these functions.
 * http_complete() takes all completions (linked by http_completion.link) out of the fifo, which is
 * empty afterwards. An empty fifo is a no-op. */
void http_complete(struct http_loop *loop, struct fifo *completions);
void http_complete_one(struct http_loop *loop, struct http_completion *completion);

/* A work item, for work that would block the loop for too long. After http_offload(), the offload
 * thread of the server calls `do_slice` until it returns true. Then the loop calls `done.finish`.
 * Between two slices the thread serves other clients, so a slice should take about 100 us.
 * Meanwhile the request is suspended, as a deferred request is. A request has at most one work item
 * at a time.
 *
 * The remaining slices are dropped if http_options.offload_timeout_ns has passed since the request
 * was received, or if the client is gone. Then done.finish finds `dropped` set, and answers by
 * http_overloaded(). If `keep` is set, nothing is dropped. */
struct http_work {
    struct http_completion done;              /* must be the first member */
    bool (*do_slice)(struct http_work *work); /* returns true after the last slice */
    bool keep;    /* never drop: the work writes the answer to orders that may be stored */
    bool dropped; /* set by http_offload(), http_offload_rest() and the offload thread */
    /* The members below are set by http_offload() and http_offload_rest(). */
    struct http_loop *loop;
    int64_t deadline_at_ns;
};
void http_offload(struct http_request *req, struct http_work *work);

/* Calls `do_slice` once, on the loop. If that was the last slice, returns true, and done.finish is
 * not called. Otherwise offloads the remaining slices and returns false. */
bool http_offload_rest(struct http_request *req, struct http_work *work) MUST_CHECK;

/* ---- the server ---- */

/* Describes how a request was answered, for http_options.on_answer. The strings are valid only
 * during that call. */
struct http_answered {
    const char *request_id;
    const char *trace_id; /* "" when there is none */
    const char *method;   /* see router_method_name(); never the bytes of the client */
    const char *route;    /* the path of the route; "" when no route matched */
    const char *key;      /* the name of the API key; "" when there is none */
    /* The code of the problem document, or that given to http_note_code(); "": none. */
    const char *code;
    const struct sockaddr *client; /* see http_client_text() */
    int status;
    int64_t duration_ns;
};

/* Writes the client's address as text, without the port. An IPv4 address that is mapped into IPv6
 * is written as IPv4. If `client` is neither IPv4 nor IPv6, the text is "". */
enum { HTTP_CLIENT_SIZE = 48 };
void http_client_text(const struct sockaddr *client, char out[HTTP_CLIENT_SIZE]);

struct http_options {
    /* If > 0, a listening TCP socket that is used instead of address and port. The server closes
     * the socket, even if http_server_open() fails. */
    int listen_fd;
    const char *address; /* IPv4 or IPv6, numeric */
    uint32_t port;       /* 0: any free port, see http_server_port() */
    uint32_t threads;
    /* The most connections over all loops. Each loop takes a few more, on which only HTTP_PROBE,
     * HTTP_HEALTH and HTTP_FIGURES routes are served (the reserve, see http_sockets_max()). */
    uint32_t max_connections;
    uint32_t max_connections_per_address; /* 0: no limit */
    uint64_t max_body_bytes, bodies_max_bytes;
    uint64_t max_document_bytes; /* an extra limit for HTTP_JSON_BODY; 0: none */
    uint64_t header_max_bytes;   /* libmicrohttpd's memory for each connection */
    /* The memory budget of bodies and answers; borrowed. NULL: only the bodies are limited, by
     * bodies_max_bytes. */
    struct budget *memory;
    int64_t read_timeout_ns, idle_timeout_ns;
    int64_t offload_timeout_ns; /* see struct http_work; 0: no limit */
    struct http_tls *tls;       /* NULL: plain HTTP; borrowed */
    const struct http_route *routes;
    size_t n_routes;
    /* The file of keys for HTTP_WITH_KEY routes, see api_keys.h. NULL: no keys are required. */
    const char *keys_file;
    /* Codes whose counts of each key are shown although they are 0 (struct http_key_figures).
     * NULL-terminated, and the codes are constants. NULL: none. */
    const char *const *key_codes;
    bool guard_figures; /* HTTP_FIGURES routes require a key too */
    /* true: a request is rejected if its Host or Origin header names a host that is neither
     * loopback, nor the server's own address, nor one of allowed_hosts. HTTP_PROBE routes are
     * exempt. */
    bool check_hosts;
    const char *allowed_hosts; /* see http_hosts_check(); NULL: none */
    void *ctx;                 /* passed to handlers and to on_answer */
    /* Called once for each answered request, on the loop's thread, so that the program can log it.
     * NULL: nothing is called. */
    void (*on_answer)(void *ctx, const struct http_answered *answered);
};

/* Checks a comma-separated list of names and addresses without ports. Returns false if an item of
 * the list is no host: then *err names that item. */
bool http_hosts_check(const char *hosts, struct err *err) MUST_CHECK;

/* Binds the address and begins to serve. Returns NULL on failure: then *err says why. If the
 * address cannot be bound, *err names the address and the reason ("address already in use"). */
struct http_server *http_server_open(const struct http_options *options,
                                     struct err *err) MUST_CHECK;

/* Returns the most client sockets that a server with these options has open at one time. */
uint64_t http_sockets_max(uint32_t max_connections, uint32_t threads);
uint32_t http_server_port(const struct http_server *server);
uint32_t http_server_loops(const struct http_server *server);

/* Begins to drain the server: it accepts no more connections, every answer from now on carries
 * Connection: close, and an idle connection is closed after 1 s. */
void http_server_drain(struct http_server *server);

/* Returns true if every loop has made a round (see loop_run.c) since the last call that returned
 * true. A call that returns true also wakes the loops, so that an idle loop makes a round before
 * the next call. Called by one thread at a time. */
bool http_server_alive(struct http_server *server) MUST_CHECK;

/* Returns the number of requests whose headers are complete and whose answer is not sent yet. */
uint64_t http_server_in_flight(const struct http_server *server);
uint64_t http_server_connections(const struct http_server *server);

/* Returns the most bytes that the server takes in addition to http_options.memory: for connections,
 * and for answers of HTTP_PROBE, HTTP_HEALTH and HTTP_FIGURES routes. The result depends on `tls`,
 * max_connections, threads and header_max_bytes alone. */
uint64_t http_fixed_bytes(const struct http_options *options, bool tls);

/* Adds the metrics of the server in Prometheus text:
 * http_server_request_duration_seconds{http_request_method,http_route,http_response_status_code},
 * and the current connections and requests. They have at most HTTP_METRICS_MAX bytes. */
enum { HTTP_METRICS_MAX = 1024 * 1024 };
void http_server_metrics(const struct http_server *server, struct buf *out);

/* Adds all metrics of a server with these routes, with meaningless values. The manual is generated
 * from them. Adds nothing if memory is out. */
void http_blank_metrics(const struct http_route *routes, size_t n_routes, struct buf *out);

/* Reads the file of keys again. Returns false if the file is bad: then *err says why, and the keys
 * stay as they were. A request under way keeps its key. A key whose name and rate stay the same
 * keeps its token bucket, and a key whose name stays the same its figures (auth/keys.h). Called by
 * one thread at a time. */
bool http_server_reload_keys(struct http_server *server, struct err *err) MUST_CHECK;
void http_server_keys(struct http_server *server, struct http_keys_info *info);

/* Closes the server: answers the deferred requests with 503 shutting_down and the outcome unknown,
 * joins the loops and frees the server. No thread may call http_complete() after this call begins.
 * NULL is a no-op. */
void http_server_close(struct http_server **server);

#endif

/* request_view.c - the functions of http.h by which a handler reads a request. */
#include <microhttpd.h>
#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "base/clock.h"
#include "http/auth/key_figures.h"
#include "http/auth/keys.h"
#include "http/body.h"
#include "http/conn.h"
#include "http/http.h"
#include "http/loop.h"
#include "http/message/accept.h"
#include "http/request.h"
#include "http/server.h"

struct http_loop *http_loop_of(struct http_request *req)
{
    return req->loop;
}

const struct http_server *http_server_of(struct http_request *req)
{
    return req->loop->server;
}

const char *http_request_id(struct http_request *req)
{
    return req->id;
}

const char *http_trace_id(struct http_request *req)
{
    return req->trace_id;
}

const char *http_path_part(struct http_request *req, size_t i)
{
    CHECK(i < req->match.n_parts);
    return req->match.parts[i];
}

const char *http_header(struct http_request *req, const char *name)
{
    return MHD_lookup_connection_value(req->mhd, MHD_HEADER_KIND, name);
}

struct each {
    const char *name;
    void (*see)(void *arg, const char *value);
    void *arg;
};

static enum MHD_Result see_one(void *cls, enum MHD_ValueKind kind, const char *name,
                               const char *value)
{
    (void)kind;
    const struct each *each = cls;
    if (strcasecmp(name, each->name) == 0 && value != NULL)
        each->see(each->arg, value);
    return MHD_YES;
}

void http_each_header(struct http_request *req, const char *name,
                      void (*see)(void *arg, const char *value), void *arg)
{
    struct each each = { name, see, arg };
    (void)MHD_get_connection_values(req->mhd, MHD_HEADER_KIND, see_one, &each);
}

struct acceptance {
    const char *media_type;
    struct accept_match match;
};

static void accept_one(void *arg, const char *value)
{
    struct acceptance *acceptance = arg;
    accept_read(&acceptance->match, value, acceptance->media_type);
}

static struct accept_match accept_of(struct http_request *req, const char *media_type)
{
    struct acceptance acceptance = { media_type, ACCEPT_UNREAD };
    http_each_header(req, "Accept", accept_one, &acceptance);
    return acceptance.match;
}

bool http_accepts(struct http_request *req, const char *media_type)
{
    struct accept_match match = accept_of(req, media_type);
    return accept_quality(&match) > 0;
}

bool http_prefers(struct http_request *req, const char *media_type, const char *over)
{
    struct accept_match a = accept_of(req, media_type), b = accept_of(req, over);
    return accept_prefers(&a, &b);
}

struct query {
    const char *name, *value;
    size_t count;
};

static enum MHD_Result look_at(void *cls, enum MHD_ValueKind kind, const char *name,
                               const char *value)
{
    (void)kind;
    struct query *query = cls;
    if (strcmp(name, query->name) == 0 && query->count++ == 0)
        query->value = value != NULL ? value : "";
    return MHD_YES;
}

const char *http_query(struct http_request *req, const char *name, size_t *count)
{
    struct query query = { .name = name };
    (void)MHD_get_connection_values(req->mhd, MHD_GET_ARGUMENT_KIND, look_at, &query);
    if (count != NULL)
        *count = query.count;
    return query.value;
}

const char *http_body(struct http_request *req, size_t *len)
{
    *len = req->body.bytes.len;
    return req->body.bytes.data != NULL ? req->body.bytes.data : "";
}

void http_body_done(struct http_request *req)
{
    body_fini(req);
}

int64_t http_received_at_ns(struct http_request *req)
{
    return req->received_at_ns;
}

bool http_body_is_lines(struct http_request *req)
{
    return req->body.is_lines;
}

void http_deadline(struct http_request *req, int64_t at_ns,
                   void (*on_deadline)(struct http_request *req, void *arg), void *arg)
{
    CHECK(req->state == REQUEST_HANDLING || req->state == REQUEST_DEFERRED);
    req->on_deadline = on_deadline;
    req->deadline_arg = arg;
    heap_set(&req->loop->deadlines, &req->deadline, at_ns);
}

/* ---- the key ---- */

const char *http_key_name(struct http_request *req)
{
    const struct key *key = req->credentials.key;
    return key != NULL ? key->name : NULL;
}

bool http_may_use(struct http_request *req, const char *account_id)
{
    if (req->loop->server->active_keys.path == NULL)
        return true;
    return req->credentials.key != NULL && key_may_use(req->credentials.key, account_id);
}

uint64_t http_client_hash(const struct http_request *req)
{
    const struct key *key = req->credentials.key;
    uint64_t hash;
    if (key == NULL)
        return req->conn->address_hash;
    memcpy(&hash, key->hash, sizeof hash);
    return hash;
}

void http_key_count(struct http_request *req, unsigned i, uint64_t n)
{
    const struct key *key = req->credentials.key;
    if (key != NULL)
        key_figures_add(key->figures, i, n);
}

struct http_key_figures *http_key_figures_of_all(struct http_request *req, size_t *n)
{
    struct keys *keys = active_keys_look(&req->loop->server->active_keys, &req->loop->keys);
    return keys_figures(keys, clock_now_ns(), n);
}

void http_charge(struct http_request *req, uint32_t requests)
{
    credentials_charge(&req->credentials, requests);
}

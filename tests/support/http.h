/* http.h - an HTTP client for tests (libcurl): one keep-alive connection, one request at a time.
 *
 * A client uses its connection again for as long as the server keeps it open. A test that wants
 * many connections opens many clients, on one thread or several. Every exchange ends within
 * HTTP_CLIENT_TIMEOUT_S. Host names are never looked up, so use addresses. */
#ifndef SUPPORT_HTTP_H
#define SUPPORT_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

enum { HTTP_CLIENT_TIMEOUT_S = 120 };

struct http_client; /* opaque */

struct http_reply {
    int status;    /* 0: no answer, see `error` */
    char *headers; /* owned; "Name: value\n" lines of the final answer */
    char *body;    /* owned; NUL-terminated */
    size_t body_len;
    char error[256]; /* libcurl's text, if status is 0 */
};

struct http_client *http_client_open(void) MUST_CHECK;
void http_client_close(struct http_client **client); /* NULL is a no-op */

/* Connections dialled so far. It stays 1 for as long as the server keeps the first one open. */
long http_client_dials(const struct http_client *client);

struct http_ask {
    const char *method, *url;
    const char *const *headers; /* "Name: value" strings and a NULL; or NULL */
    const void *body;           /* NULL: no body */
    size_t body_len;
};

/* Sends the request. libcurl adds only Host and Accept, and neither Content-Type nor Expect. Fills
 * in *reply, which http_reply_fini() frees. Returns reply->status. */
int http_exchange(struct http_client *client, const struct http_ask *ask, struct http_reply *reply);

/* As http_exchange(), with a text as body. */
int http_do(struct http_client *client, const char *method, const char *url,
            const char *const headers[], const char *body, struct http_reply *reply);

/* Sends a POST with a body of application/json. */
int http_post_json(struct http_client *client, const char *url, const char *body,
                   struct http_reply *reply);
int http_get(struct http_client *client, const char *url, struct http_reply *reply);

/* Copies the value of the first header with that name, in any letter case. Returns false if there
 * is none, or if it does not fit. */
bool http_reply_header(const struct http_reply *reply, const char *name, char *out, size_t size);

/* Frees and zeroes the reply. A zeroed reply is fine. */
void http_reply_fini(struct http_reply *reply);

#endif

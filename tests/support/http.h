/* http.h - an HTTP client for tests: one keep-alive connection, one request at a time (libcurl).
 *
 * Each client has one connection that it uses again while the server lets it; a test that wants
 * many connections makes many clients, one a thread if it likes. Every exchange ends within
 * HTTP_CLIENT_TIMEOUT_S. The server's name is never looked up: give addresses. */
#ifndef SUPPORT_HTTP_H
#define SUPPORT_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

enum { HTTP_CLIENT_TIMEOUT_S = 120 };

struct http_client; /* opaque */

struct http_reply {
    int status;    /* 0: no answer, see error */
    char *headers; /* owned; "Name: value\n" lines of the final answer */
    char *body;    /* owned; NUL-terminated */
    size_t body_len;
    char error[256]; /* libcurl's, when status is 0 */
};

struct http_client *http_client_open(void) MUST_CHECK;
void http_client_close(struct http_client **client); /* NULL is a no-op */

/* Connections dialled so far: 1 as long as the server keeps the first one alive. */
long http_client_dials(const struct http_client *client);

struct http_ask {
    const char *method, *url;
    const char *const *headers; /* "Name: value" strings, ends with NULL; or NULL */
    const void *body;           /* NULL: none */
    size_t body_len;
};

/* libcurl adds Host and Accept to the headers and nothing else: no Content-Type, no Expect. Fills
 * *reply, which http_reply_fini() frees; returns reply->status. */
int http_exchange(struct http_client *client, const struct http_ask *ask, struct http_reply *reply);

/* The same with a body of text. */
int http_do(struct http_client *client, const char *method, const char *url,
            const char *const headers[], const char *body, struct http_reply *reply);

/* POST of application/json. */
int http_post_json(struct http_client *client, const char *url, const char *body,
                   struct http_reply *reply);
int http_get(struct http_client *client, const char *url, struct http_reply *reply);

/* Copies the value of the first such header, whatever the case of its letters; false when there is
 * none or it is longer than out. */
bool http_reply_header(const struct http_reply *reply, const char *name, char *out, size_t size);

/* Frees and zeroes; accepts a zeroed reply. */
void http_reply_fini(struct http_reply *reply);

#endif

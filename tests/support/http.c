/* http.c - see http.h. */
#include "support/http.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/check.h"
#include "support/exchanges.h"
#include "support/process.h"

enum { REPLY_MAX_BYTES = 64 << 20 };

struct http_client {
    CURL *curl;
    long dials;
};

#define SET(curl, option, value) CHECK(curl_easy_setopt((curl), (option), (value)) == CURLE_OK)

static void init_curl(void)
{
    CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
}

struct http_client *http_client_open(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, init_curl);
    struct http_client *client = calloc(1, sizeof *client);
    CHECK(client != NULL);
    client->curl = curl_easy_init();
    CHECK(client->curl != NULL);
    return client;
}

void http_client_close(struct http_client **client)
{
    if (*client == NULL)
        return;
    curl_easy_cleanup((*client)->curl);
    free(*client);
    *client = NULL;
}

long http_client_dials(const struct http_client *client)
{
    return client->dials;
}

/* ---- one exchange ---- */

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
    struct buf *body = arg;
    buf_add(body, data, size * n);
    return body->failed ? 0 : size * n;
}

/* Each interim answer (100) and each redirect begins with a status line. Only the lines of the last
 * one are kept. */
static size_t on_header(char *data, size_t size, size_t n, void *arg)
{
    struct buf *headers = arg;
    size_t len = size * n;
    if (len >= 5 && memcmp(data, "HTTP/", 5) == 0) {
        buf_clear(headers);
        return len;
    }
    size_t line = len;
    while (line > 0 && (data[line - 1] == '\n' || data[line - 1] == '\r'))
        line--;
    buf_add(headers, data, line);
    buf_add_char(headers, '\n');
    return headers->failed ? 0 : len;
}

static struct curl_slist *append(struct curl_slist *list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(list, line);
    CHECK(longer != NULL);
    return longer;
}

/* An empty value ("Expect:") removes a header that libcurl would add. */
static struct curl_slist *header_list(const char *const headers[])
{
    struct curl_slist *list = append(append(NULL, "Expect:"), "Content-Type:");
    for (size_t i = 0; headers != NULL && headers[i] != NULL; i++)
        list = append(list, headers[i]);
    return list;
}

static void set_request(CURL *curl, const struct http_ask *ask)
{
    SET(curl, CURLOPT_URL, ask->url);
    SET(curl, CURLOPT_NOSIGNAL, 1L);
    SET(curl, CURLOPT_TIMEOUT, (long)HTTP_CLIENT_TIMEOUT_S);
    SET(curl, CURLOPT_PROXY, "");
    SET(curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    SET(curl, CURLOPT_CUSTOMREQUEST, ask->method);
    SET(curl, CURLOPT_NOBODY, strcmp(ask->method, "HEAD") == 0 ? 1L : 0L);
    if (ask->body != NULL) {
        SET(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)ask->body_len);
        SET(curl, CURLOPT_POSTFIELDS, ask->body);
    }
}

static char *steal_text(struct buf *buf, size_t *len)
{
    CHECK(!buf->failed);
    buf_add(buf, "", 1); /* adds a NUL, so that an empty text is one too */
    char *text = buf_steal(buf, len);
    CHECK(text != NULL);
    *len -= 1;
    return text;
}

/* Returns the status. If there is none, returns 0, and reply->error says why. */
static long perform(struct http_client *client, struct http_reply *reply)
{
    long status = 0, dials = 0;
    SET(client->curl, CURLOPT_ERRORBUFFER, reply->error);
    CURLcode rc = curl_easy_perform(client->curl);
    SET(client->curl, CURLOPT_ERRORBUFFER, NULL); /* *reply is the caller's and may move */
    if (rc == CURLE_OK)
        (void)curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
    else if (reply->error[0] == '\0')
        snprintf(reply->error, sizeof reply->error, "%s", curl_easy_strerror(rc));
    (void)curl_easy_getinfo(client->curl, CURLINFO_NUM_CONNECTS, &dials);
    client->dials += dials;
    return status;
}

int http_exchange(struct http_client *client, const struct http_ask *ask, struct http_reply *reply)
{
    struct buf head = BUF_INIT(REPLY_MAX_BYTES), text = BUF_INIT(REPLY_MAX_BYTES);
    struct curl_slist *list = header_list(ask->headers);
    size_t head_len;
    *reply = (struct http_reply){ .status = 0 };

    curl_easy_reset(client->curl); /* keeps the connection */
    set_request(client->curl, ask);
    SET(client->curl, CURLOPT_HTTPHEADER, list);
    SET(client->curl, CURLOPT_WRITEFUNCTION, on_body);
    SET(client->curl, CURLOPT_WRITEDATA, &text);
    SET(client->curl, CURLOPT_HEADERFUNCTION, on_header);
    SET(client->curl, CURLOPT_HEADERDATA, &head);
    reply->status = (int)perform(client, reply);
    curl_slist_free_all(list);

    reply->headers = steal_text(&head, &head_len);
    reply->body = steal_text(&text, &reply->body_len);
    exchanges_note(ask, reply);
    return reply->status;
}

int http_do(struct http_client *client, const char *method, const char *url,
            const char *const headers[], const char *body, struct http_reply *reply)
{
    const struct http_ask ask = { .method = method,
                                  .url = url,
                                  .headers = headers,
                                  .body = body,
                                  .body_len = body != NULL ? strlen(body) : 0 };
    return http_exchange(client, &ask, reply);
}

int http_post_json(struct http_client *client, const char *url, const char *body,
                   struct http_reply *reply)
{
    static const char *const json[] = { "Content-Type: application/json", NULL };
    return http_do(client, "POST", url, json, body, reply);
}

int http_get(struct http_client *client, const char *url, struct http_reply *reply)
{
    return http_do(client, "GET", url, NULL, NULL, reply);
}

/* ---- the reply ---- */

bool http_reply_header(const struct http_reply *reply, const char *name, char *out, size_t size)
{
    size_t name_len = strlen(name);
    for (const char *line = reply->headers; line != NULL && *line != '\0';) {
        const char *end = strchr(line, '\n');
        size_t line_len = end != NULL ? (size_t)(end - line) : strlen(line);
        if (line_len > name_len && line[name_len] == ':' &&
            strncasecmp(line, name, name_len) == 0) {
            const char *value = line + name_len + 1;
            value += strspn(value, " \t");
            size_t len = line_len - (size_t)(value - line);
            return (size_t)snprintf(out, size, "%.*s", (int)len, value) < size;
        }
        line = end != NULL ? end + 1 : NULL;
    }
    return false;
}

void http_reply_fini(struct http_reply *reply)
{
    free(reply->headers);
    free(reply->body);
    *reply = (struct http_reply){ .status = 0 };
}

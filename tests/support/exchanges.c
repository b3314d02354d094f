/* exchanges.c - see exchanges.h. A body is always written as text, with U+FFFD for bytes that are
 * not UTF-8. A body over BODY_MAX is cut, and the line says so. Only the beginning of a body that
 * is not JSON is kept, because no test examines it. */
#include "support/exchanges.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "support/http.h"
#include "support/process.h"

enum { BODY_MAX = 4 << 20, PLAIN_MAX = 1024, LINE_MAX = 32 << 20 };

static int exchanges_fd = -1;

static void open_file(void)
{
    const char *path = getenv("ORDERSD_EXCHANGES");
    if (path == NULL || path[0] == '\0')
        return;
    exchanges_fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (exchanges_fd < 0)
        support_fail("cannot write the exchanges to %s", path);
}

static const char *target_of(const char *url)
{
    const char *authority = strstr(url, "://");
    const char *path = authority != NULL ? strchr(authority + 3, '/') : NULL;
    return path != NULL ? path : "/";
}

static void add_text(struct buf *line, const char *name, const char *text, size_t len)
{
    bool is_json = len > 0 && (text[0] == '{' || text[0] == '[');
    size_t max = is_json ? BODY_MAX : PLAIN_MAX;
    char *copy = strndup(text, len < max ? len : max);
    CHECK(copy != NULL);
    buf_printf(line, ",\"%s\":", name);
    buf_add_json(line, copy);
    if (len > max)
        buf_printf(line, ",\"%s_cut\":true", name);
    free(copy);
}

static void add_request(struct buf *line, const struct http_ask *ask)
{
    const char *before = "";
    buf_add_str(line, ",\"request_headers\":[");
    for (size_t i = 0; ask->headers != NULL && ask->headers[i] != NULL; i++) {
        if (strncasecmp(ask->headers[i], "Authorization:", strlen("Authorization:")) == 0)
            continue; /* secrets are not written to files, not even a test's */
        buf_add_str(line, before);
        buf_add_json(line, ask->headers[i]);
        before = ",";
    }
    buf_add_char(line, ']');
    if (ask->body != NULL)
        add_text(line, "request_body", ask->body, ask->body_len);
}

void exchanges_note(const struct http_ask *ask, const struct http_reply *reply)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    CHECK(pthread_once(&once, open_file) == 0);
    if (exchanges_fd < 0 || reply->status == 0)
        return;
    struct buf line = BUF_INIT(LINE_MAX);
    buf_add_str(&line, "{\"method\":");
    buf_add_json(&line, ask->method);
    buf_add_str(&line, ",\"target\":");
    buf_add_json(&line, target_of(ask->url));
    add_request(&line, ask);
    buf_printf(&line, ",\"status\":%d,\"headers\":", reply->status);
    buf_add_json(&line, reply->headers);
    add_text(&line, "body", reply->body, reply->body_len);
    buf_add_str(&line, "}\n");
    CHECK(!line.failed);
    CHECK(write(exchanges_fd, line.data, line.len) == (ssize_t)line.len);
    buf_fini(&line);
}

void exchanges_begin(void)
{
    const char *path = getenv("ORDERSD_EXCHANGES");
    if (path != NULL && path[0] != '\0')
        (void)unlink(path);
}

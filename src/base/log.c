/* log.c - see log.h. A line is built on the stack, so that logging also works when memory is
 * exhausted. It has at most PIPE_BUF bytes, so that lines of several threads and processes never
 * mix in a pipe. A value that does not fit is cut: the line stays valid JSON and has "cut":true. */
#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log_limit.h"
#include "base/rfc3339.h"
#include "base/sync.h"

enum {
    TAIL_BYTES = 64, /* kept free for `suppressed`, `cut` and the newline */
    CUT_BYTES = 1024 /* most bytes that are kept of a value that is cut */
};

static const char *const level_names[] = {
    [LOG_ERROR] = "error", [LOG_WARN] = "warn", [LOG_INFO] = "info", [LOG_DEBUG] = "debug"
};

static atomic_int log_level = LOG_INFO;
static enum log_format log_format = LOG_AS_JSON;
static struct log_limit limit = LOG_LIMIT_INIT;
static log_listener *listener_of_all;
static void *listener_ctx;

void log_init(enum log_level level, enum log_format format)
{
    log_set_level(level);
    log_format = format;
}

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&log_level, (int)level, memory_order_relaxed);
}

bool log_enabled(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&log_level, memory_order_relaxed);
}

void log_listen(log_listener *listener, void *ctx)
{
    listener_of_all = listener;
    listener_ctx = ctx;
}

static void add_time(struct buf *line)
{
    char text[RFC3339_SIZE];
    rfc3339_format_us(clock_wall_us(), text);
    buf_add_str(line, text);
}

static void add_head(struct buf *line, enum log_level level, const char *event)
{
    bool json = log_format == LOG_AS_JSON;
    buf_add_str(line, json ? "{\"ts\":\"" : "");
    add_time(line);
    buf_printf(line, json ? "\",\"level\":\"%s\",\"event\":" : " %-5s ", level_names[level]);
    if (json)
        buf_add_json(line, event);
    else
        buf_add_str(line, event);
}

static void add_key(struct buf *line, const char *key)
{
    if (log_format == LOG_AS_JSON)
        buf_printf(line, ",\"%s\":", key);
    else
        buf_printf(line, " %s=", key);
}

/* Adds a field. If there is no room, leaves the line as it was and returns false. Text is escaped
 * in both formats, so that no control character from outside reaches a terminal. */
static bool try_field(struct buf *line, const char *key, const char *text, int64_t number)
{
    size_t len = line->len;
    add_key(line, key);
    if (text != NULL)
        buf_add_json(line, text);
    else
        buf_printf(line, "%" PRId64, number);
    if (!line->failed)
        return true;
    line->len = len;
    line->failed = false;
    return false;
}

/* Adds as much of a text as fits, or a number if it fits. Returns false if something was cut. */
static bool add_field(struct buf *line, const struct log_field *field)
{
    if (try_field(line, field->key, field->text, field->number))
        return true;
    if (field->text == NULL)
        return false;
    char part[CUT_BYTES + 1];
    size_t keep = strnlen(field->text, CUT_BYTES);
    memcpy(part, field->text, keep);
    do {
        part[keep] = '\0';
        keep /= 2;
    } while (!try_field(line, field->key, part, 0) && part[0] != '\0');
    return false;
}

/* Writes the line, or drops it if the write would block, because a pipe that nobody reads must not
 * stop the service. If poll() reports room, a pipe takes PIPE_BUF bytes without blocking. The lock
 * keeps other threads from filling this room between poll() and write(). */
static void write_line(const struct buf *line)
{
    static struct mutex one_writer = { PTHREAD_MUTEX_INITIALIZER };
    struct pollfd out = { .fd = STDERR_FILENO, .events = POLLOUT };
    ssize_t rc = 0;
    mutex_lock(&one_writer);
    do
        rc = poll(&out, 1, 0) > 0 ? write(STDERR_FILENO, line->data, line->len) : 0;
    while (rc < 0 && errno == EINTR); /* other errors cannot be reported anywhere */
    mutex_unlock(&one_writer);
}

void log_fields(enum log_level level, const char *event, const struct log_field *fields, int count)
{
    uint64_t suppressed;
    if (listener_of_all != NULL && level <= LOG_WARN)
        listener_of_all(listener_ctx, level, event, fields, count);
    if (!log_enabled(level) || !log_limit_pass(&limit, event, clock_now_ns(), &suppressed))
        return;

    char memory[PIPE_BUF];
    struct buf line = BUF_OVER(memory);
    line.max -= TAIL_BYTES;
    bool whole = true;
    add_head(&line, level, event);
    for (int i = 0; i < count; i++)
        if (fields[i].key != NULL)
            whole = add_field(&line, &fields[i]) && whole;

    line.max += TAIL_BYTES;
    if (suppressed > 0)
        (void)try_field(&line, "suppressed", NULL, (int64_t)suppressed);
    if (!whole) {
        add_key(&line, "cut");
        buf_add_str(&line, "true");
    }
    buf_add_str(&line, log_format == LOG_AS_JSON ? "}\n" : "\n");
    write_line(&line);
}

/* load_conn.c - see load_conn.h. An answer must have a status line and Content-Length. Anything
 * else counts as a broken connection, because an answer that was not understood must not be
 * counted. */
#include "load/load_conn.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

void load_conn_close(struct load_conn *conn)
{
    if (conn->fd >= 0)
        close(conn->fd);
    conn->fd = -1;
}

static enum load_conn_rc broken(struct load_conn *conn)
{
    load_conn_close(conn);
    return LOAD_CONN_BROKEN;
}

static bool watch(struct load_conn *conn, int epoll_fd, int op, uint32_t events)
{
    struct epoll_event event = { .events = events, .data.ptr = conn };
    return epoll_ctl(epoll_fd, op, conn->fd, &event) == 0;
}

static void expect_answer(struct load_conn *conn)
{
    conn->in_len = 0;
    conn->in_body = false;
}

enum load_conn_rc load_conn_dial(struct load_conn *conn, const struct sockaddr_in *to, int epoll_fd)
{
    conn->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (conn->fd < 0)
        return LOAD_CONN_BROKEN;
    int on = 1;
    (void)setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(conn->fd, (const struct sockaddr *)to, sizeof *to) != 0 && errno != EINPROGRESS)
        return broken(conn);
    conn->connecting = true;
    expect_answer(conn);
    return watch(conn, epoll_fd, EPOLL_CTL_ADD, EPOLLOUT) ? LOAD_CONN_WAITS : broken(conn);
}

static enum load_conn_rc finish_dial(struct load_conn *conn, int epoll_fd)
{
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0)
        return broken(conn);
    conn->connecting = false;
    return watch(conn, epoll_fd, EPOLL_CTL_MOD, EPOLLIN) ? LOAD_CONN_READY : broken(conn);
}

static enum load_conn_rc send_rest(struct load_conn *conn, int epoll_fd)
{
    ssize_t put = send(conn->fd, conn->text + conn->sent, conn->len - conn->sent, MSG_NOSIGNAL);
    if (put < 0 && errno != EAGAIN)
        return broken(conn);
    bool was_whole = conn->sent == 0;
    conn->sent += put > 0 ? (size_t)put : 0;
    bool is_out = conn->sent == conn->len;
    if (is_out && was_whole)
        return LOAD_CONN_WAITS; /* the usual case: epoll needs no change */
    uint32_t events = is_out ? EPOLLIN : EPOLLIN | EPOLLOUT;
    return watch(conn, epoll_fd, EPOLL_CTL_MOD, events) ? LOAD_CONN_WAITS : broken(conn);
}

enum load_conn_rc load_conn_send(struct load_conn *conn, int epoll_fd)
{
    conn->sent = 0;
    expect_answer(conn);
    return send_rest(conn, epoll_fd);
}

/* ---- the answer ---- */

/* Returns the value of the header in `head`, or NULL. */
static const char *header(const char *head, const char *name)
{
    size_t len = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, len) == 0 && line[len] == ':')
            return line + len + 1 + strspn(line + len + 1, " \t");
    }
    return NULL;
}

/* Reads the status, the length and whether the server will close. Returns false if the head is not
 * understood. */
static bool read_head(struct load_conn *conn, size_t head_len)
{
    static const char version[] = "HTTP/1.1 ";
    conn->in[head_len - 1] = '\0'; /* overwrites the last byte of the blank line */
    const char *length = header(conn->in, "Content-Length");
    const char *connection = header(conn->in, "Connection");
    if (strncmp(conn->in, version, strlen(version)) != 0 || length == NULL)
        return false;
    char *end;
    long status = strtol(conn->in + strlen(version), NULL, 10);
    unsigned long body_len = strtoul(length, &end, 10);
    size_t body_here = conn->in_len - head_len;
    if (status < 200 || status > 599 || end == length || body_len < body_here)
        return false;
    conn->status = (int)status;
    conn->close_after = connection != NULL && strncasecmp(connection, "close", 5) == 0;
    conn->in_body = true;
    conn->body_left = body_len - body_here;
    return true;
}

static enum load_conn_rc take_head(struct load_conn *conn, size_t got)
{
    conn->in_len += got;
    const char *end = memmem(conn->in, conn->in_len, "\r\n\r\n", 4);
    if (end == NULL)
        return conn->in_len < sizeof conn->in ? LOAD_CONN_WAITS : broken(conn);
    if (!read_head(conn, (size_t)(end - conn->in) + 4))
        return broken(conn);
    return conn->body_left == 0 ? LOAD_CONN_ANSWERED : LOAD_CONN_WAITS;
}

static enum load_conn_rc take_body(struct load_conn *conn, size_t got)
{
    if (got > conn->body_left)
        return broken(conn);
    conn->body_left -= got;
    return conn->body_left == 0 ? LOAD_CONN_ANSWERED : LOAD_CONN_WAITS;
}

static enum load_conn_rc receive(struct load_conn *conn)
{
    size_t at = conn->in_body ? 0 : conn->in_len;
    ssize_t got = recv(conn->fd, conn->in + at, sizeof conn->in - at, 0);
    if (got < 0 && errno == EAGAIN)
        return LOAD_CONN_WAITS;
    if (got <= 0 || !conn->has_order)
        return broken(conn); /* bytes without a request are no answer */
    enum load_conn_rc rc =
        conn->in_body ? take_body(conn, (size_t)got) : take_head(conn, (size_t)got);
    if (rc == LOAD_CONN_ANSWERED && conn->close_after)
        load_conn_close(conn);
    return rc;
}

enum load_conn_rc load_conn_event(struct load_conn *conn, int epoll_fd)
{
    if (conn->fd < 0)
        return LOAD_CONN_WAITS; /* an earlier event of this round has closed it */
    if (conn->connecting)
        return finish_dial(conn, epoll_fd);
    if (conn->has_order && conn->sent < conn->len) {
        enum load_conn_rc rc = send_rest(conn, epoll_fd);
        if (rc != LOAD_CONN_WAITS)
            return rc;
    }
    return receive(conn);
}

/* neighbour_conn.c - see neighbour_conn.h. */
#include "load/neighbour_conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { PATIENCE_S = 30, ANSWER_HEAD_MAX = 4096 };

int neighbour_dial(const struct sockaddr_in *server)
{
    const struct timeval patience = { .tv_sec = PATIENCE_S };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (const struct sockaddr *)server, sizeof *server) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

bool neighbour_send(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

static bool skip(int fd, size_t len)
{
    char away[1 << 16];
    while (len > 0) {
        ssize_t n = recv(fd, away, len < sizeof away ? len : sizeof away, 0);
        if (n <= 0)
            return false;
        len -= (size_t)n;
    }
    return true;
}

int neighbour_read_answer(int fd)
{
    char head[ANSWER_HEAD_MAX + 1];
    size_t len = 0;
    char *end = NULL;
    while (end == NULL && len < ANSWER_HEAD_MAX) {
        ssize_t n = recv(fd, head + len, ANSWER_HEAD_MAX - len, 0);
        if (n <= 0)
            return 0;
        len += (size_t)n;
        head[len] = '\0';
        end = strstr(head, "\r\n\r\n");
    }
    const char *length = strcasestr(head, "\r\nContent-Length:");
    if (end == NULL || length == NULL || strncmp(head, "HTTP/1.1 ", 9) != 0)
        return 0;
    int status = (int)strtol(head + 9, NULL, 10);
    size_t body = strtoul(length + strlen("\r\nContent-Length:"), NULL, 10);
    size_t have = len - (size_t)(end + 4 - head);
    return have > body || !skip(fd, body - have) ? 0 : status;
}

void neighbour_count(struct neighbour_answers *answers, int status)
{
    atomic_fetch_add(status > 0 && status < 600 ? &answers->status[status] : &answers->cut, 1);
}

void neighbour_print_answers(const struct neighbour_answers *answers)
{
    const char *comma = "";
    printf("\"cut\":%llu,\"status\":{", (unsigned long long)answers->cut);
    for (int status = 0; status < 600; status++) {
        if (answers->status[status] == 0)
            continue;
        printf("%s\"%d\":%llu", comma, status, (unsigned long long)answers->status[status]);
        comma = ",";
    }
    printf("}");
}

/* healthcheck.c - `ordersd healthcheck`: one GET of /health/ready on this machine, for images that
 * have neither a shell nor curl. It uses a plain socket, so the image needs no client library. If
 * the service uses TLS, the healthcheck uses TLS too, but does not verify the certificate: the
 * certificate need not name this machine, and the healthcheck connects to this machine only and
 * sends no secret. */
#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "app/options.h"
#include "app/run.h"
#include "base/clock.h"
#include "http/tls/tls.h"

enum { TIMEOUT_S = 5 };

/* Replaces "0.0.0.0" and "::", which stand for all addresses of this machine, by the loopback
 * address. */
static const char *reachable(const char *address)
{
    if (strcmp(address, "0.0.0.0") == 0)
        return "127.0.0.1";
    return strcmp(address, "::") == 0 ? "::1" : address;
}

/* Waits until the socket is ready. Returns false at the deadline. There is one deadline for the
 * whole answer, even if the answer arrives byte by byte. */
static bool wait_for(int fd, short events, int64_t deadline_at_ns)
{
    struct pollfd pfd = { .fd = fd, .events = events };
    int64_t now_ns = clock_now_ns();
    return now_ns < deadline_at_ns && poll(&pfd, 1, clock_poll_ms(deadline_at_ns, now_ns)) > 0;
}

static int connect_to(const char *address, uint32_t port)
{
    struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                              .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    struct timeval timeout = { .tv_sec = TIMEOUT_S };
    char service[16];
    (void)snprintf(service, sizeof service, "%u", port);
    if (getaddrinfo(address, service, &hints, &found) != 0)
        return -1;
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) != 0 ||
                    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) != 0 ||
                    connect(fd, found->ai_addr, found->ai_addrlen) != 0)) {
        (void)close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    return fd;
}

static size_t ask(int fd, const char *request, char *answer, size_t size, int64_t deadline_at_ns)
{
    size_t got = 0, len = strlen(request);
    if (send(fd, request, len, MSG_NOSIGNAL) != (ssize_t)len)
        return 0;
    ssize_t n;
    while (got < size && wait_for(fd, POLLIN, deadline_at_ns) &&
           (n = recv(fd, answer + got, size - got, 0)) > 0)
        got += (size_t)n;
    return got;
}

int run_healthcheck(const struct options *options)
{
    static const char request[] =
        "GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    const char *address = reachable(options->http.address);
    int64_t deadline_at_ns = clock_now_ns() + TIMEOUT_S * NS_PER_S;
    /* SIGALRM ends this process if http_tls_ask() exceeds the deadline: each byte of a TLS record
     * restarts the timeout of the socket. */
    (void)alarm(TIMEOUT_S + 1);
    char answer[2048];
    int fd = connect_to(address, options->http.port);
    if (fd < 0) {
        (void)fprintf(stderr, "ordersd: nothing answers at %s port %u\n", address,
                      options->http.port);
        return 1;
    }
    size_t got = options->tls.cert_file[0] == '\0'
                     ? ask(fd, request, answer, sizeof answer - 1, deadline_at_ns)
                     : http_tls_ask(fd, request, answer, sizeof answer - 1, deadline_at_ns);
    (void)close(fd);
    answer[got] = '\0';
    const char *body = strstr(answer, "\r\n\r\n");
    (void)printf("%s\n", body != NULL ? body + 4 : "no answer");
    return strncmp(answer, "HTTP/1.1 200 ", 13) == 0 ? 0 : 1;
}

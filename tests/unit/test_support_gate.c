/* The gate in each of its modes, in front of an echo server of our own. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "support/gate.h"
#include "support/pg_frames.h"
#include "support/process.h"
#include "support/wait.h"

enum { SOON_S = 10, QUIET_MS = 100, BIG_BYTES = 1 << 20 };

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){ .sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static int dial(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    const struct sockaddr_in addr = loopback(port);
    cr_assert_geq(fd, 0);
    (void)connect(fd, (const struct sockaddr *)&addr, sizeof addr);
    return fd;
}

static bool ready(int fd, short events, int ms)
{
    struct pollfd entry = { .fd = fd, .events = events };
    return poll(&entry, 1, ms) == 1;
}

/* The error that a dial ended with, 0 when it is connected, ETIMEDOUT when nothing came of it. */
static int dial_result(int fd, int ms)
{
    int error = 0;
    socklen_t len = sizeof error;
    if (!ready(fd, POLLOUT, ms))
        return ETIMEDOUT;
    cr_assert_eq(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len), 0);
    return error;
}

/* One client through the gate to a server socket that the test holds. */
struct line {
    struct gate *gate;
    int listener, client, server;
};

static void open_line(struct line *line)
{
    int port = process_free_port();
    const struct sockaddr_in addr = loopback(port);
    line->listener = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(line->listener, (const struct sockaddr *)&addr, sizeof addr), 0);
    cr_assert_eq(listen(line->listener, 16), 0);
    line->gate = gate_open(port);
    line->client = dial(gate_port(line->gate));
    cr_assert_eq(dial_result(line->client, SOON_S * 1000), 0);
    line->server = accept(line->listener, NULL, NULL);
    cr_assert_geq(line->server, 0);
}

static void close_line(struct line *line)
{
    gate_close(&line->gate);
    cr_expect_null(line->gate);
    close(line->client);
    close(line->server);
    close(line->listener);
}

static void say(int fd, const char *text)
{
    cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static void expect_text(int fd, const char *text)
{
    char got[64];
    for (size_t at = 0; at < strlen(text); at++) {
        cr_assert(ready(fd, POLLIN, SOON_S * 1000));
        cr_assert_eq(recv(fd, got, 1, 0), 1);
        cr_assert_eq(got[0], text[at]);
    }
}

static void expect_reset(int fd)
{
    char byte;
    cr_assert(ready(fd, POLLIN, SOON_S * 1000));
    cr_expect_eq(recv(fd, &byte, 1, 0), -1);
    cr_expect_eq(errno, ECONNRESET);
}

static struct gate_counts counts(struct gate *gate)
{
    struct gate_counts now;
    gate_counts(gate, &now);
    return now;
}

Test(gate, passes_both_ways_and_the_end_of_each, .timeout = 60)
{
    struct line line;
    char byte;
    open_line(&line);
    say(line.client, "ping");
    expect_text(line.server, "ping");
    cr_assert_eq(shutdown(line.client, SHUT_WR), 0);
    cr_expect_eq(recv(line.server, &byte, 1, 0), 0);
    say(line.server, "pong"); /* the other way is still open */
    expect_text(line.client, "pong");
    cr_assert_eq(shutdown(line.server, SHUT_WR), 0);
    cr_assert(ready(line.client, POLLIN, SOON_S * 1000));
    cr_expect_eq(recv(line.client, &byte, 1, 0), 0);
    cr_expect(WAIT_UNTIL(counts(line.gate).open == 0, SOON_S));
    cr_expect_eq(counts(line.gate).to_server_bytes, 4);
    cr_expect_eq(counts(line.gate).to_client_bytes, 4);
    close_line(&line);
}

Test(gate, refuses_new_ones_only_and_listens_again, .timeout = 60)
{
    struct line line;
    open_line(&line);
    gate_set(line.gate, GATE_REFUSE);
    int refused = dial(gate_port(line.gate));
    cr_expect_eq(dial_result(refused, SOON_S * 1000), ECONNREFUSED);
    close(refused);
    say(line.client, "still");
    expect_text(line.server, "still");
    gate_set(line.gate, GATE_PASS);
    int fd = dial(gate_port(line.gate));
    cr_expect_eq(dial_result(fd, SOON_S * 1000), 0);
    close(fd);
    close_line(&line);
}

Test(gate, black_hole_answers_no_dial_and_keeps_what_was_said, .timeout = 60)
{
    struct line line;
    open_line(&line);
    gate_set(line.gate, GATE_BLACK_HOLE);
    int fds[4];
    for (size_t i = 0; i < 4; i++)
        fds[i] = dial(gate_port(line.gate));
    for (size_t i = 0; i < 4; i++)
        cr_expect_eq(dial_result(fds[i], QUIET_MS), ETIMEDOUT);
    say(line.client, "late");
    cr_expect_not(ready(line.server, POLLIN, QUIET_MS));
    int64_t accepted = counts(line.gate).accepted;

    gate_set(line.gate, GATE_PASS);
    expect_text(line.server, "late");
    cr_expect_eq(dial_result(fds[0], SOON_S * 1000), 0, "the kernel sends the SYN again");
    cr_expect(WAIT_UNTIL(counts(line.gate).accepted > accepted, SOON_S));
    for (size_t i = 0; i < 4; i++)
        close(fds[i]);
    close_line(&line);
}

Test(gate, silent_accepts_and_forwards_nothing, .timeout = 60)
{
    struct line line;
    open_line(&line);
    gate_set(line.gate, GATE_SILENT);
    int fd = dial(gate_port(line.gate));
    cr_expect_eq(dial_result(fd, SOON_S * 1000), 0);
    say(line.client, "a");
    say(line.server, "b");
    cr_expect_not(ready(line.server, POLLIN, QUIET_MS));
    cr_expect_not(ready(line.client, POLLIN, QUIET_MS));
    gate_set(line.gate, GATE_PASS);
    expect_text(line.server, "a");
    expect_text(line.client, "b");
    close(fd);
    close_line(&line);
}

Test(gate, drips_to_the_client_complete_and_in_order, .timeout = 60)
{
    struct line line;
    open_line(&line);
    gate_set(line.gate, GATE_DRIP);
    int64_t began_ns = clock_now_ns();
    say(line.server, "slowly");
    expect_text(line.client, "slowly");
    cr_expect_geq(clock_now_ns() - began_ns, 5 * GATE_DRIP_MS * NS_PER_MS);
    say(line.client, "at once");
    expect_text(line.server, "at once");
    close_line(&line);
}

Test(gate, cuts_every_connection_on_both_sides, .timeout = 60)
{
    struct line line;
    open_line(&line);
    gate_cut(line.gate);
    expect_reset(line.client);
    expect_reset(line.server);
    cr_expect_eq(counts(line.gate).open, 0);
    close_line(&line);
}

Test(gate, cuts_once_after_so_many_bytes_to_the_client, .timeout = 60)
{
    struct line line;
    open_line(&line);
    gate_cut_after(line.gate, 3);
    say(line.client, "request");
    expect_text(line.server, "request");
    say(line.server, "answer");
    expect_text(line.client, "ans");
    expect_reset(line.client);
    cr_expect_eq(counts(line.gate).cuts, 1);

    int fd = dial(gate_port(line.gate)); /* once: the next connection works */
    int server = accept(line.listener, NULL, NULL);
    say(server, "answer");
    expect_text(fd, "answer");
    close(fd);
    close(server);
    close_line(&line);
}

Test(gate, cut_after_nothing_hides_the_answer_not_the_request, .timeout = 60)
{
    struct line line;
    open_line(&line);
    gate_cut_after(line.gate, 0);
    say(line.client, "request");
    expect_text(line.server, "request");
    say(line.server, "answer");
    expect_reset(line.client);
    cr_expect_eq(counts(line.gate).to_client_bytes, 0);
    close_line(&line);
}

Test(gate, loses_no_byte_of_much_over_a_stall, .timeout = 60)
{
    struct line line;
    static char out[4096], in[4096];
    size_t sent = 0, got = 0;
    open_line(&line);
    for (size_t i = 0; i < sizeof out; i++)
        out[i] = (char)(i * 7);
    for (int round = 0; got < BIG_BYTES && round < 1000000; round++) {
        if (round == 20)
            gate_set(line.gate, GATE_SILENT);
        if (round == 40)
            gate_set(line.gate, GATE_PASS);
        if (sent < BIG_BYTES && ready(line.client, POLLOUT, 0))
            sent += (size_t)send(line.client, out + sent % sizeof out,
                                 sizeof out - sent % sizeof out, MSG_NOSIGNAL);
        if (!ready(line.server, POLLIN, 1))
            continue;
        ssize_t n = recv(line.server, in, sizeof in, 0);
        for (ssize_t i = 0; i < n; i++)
            cr_assert_eq(in[i], out[(got + (size_t)i) % sizeof out]);
        got += (size_t)n;
    }
    cr_expect_eq(got, sent);
    close_line(&line);
}

Test(gate, forgets_a_client_that_left_during_a_stall, .timeout = 60)
{
    struct line line;
    char byte;
    open_line(&line);
    gate_set(line.gate, GATE_SILENT);
    say(line.client, "a");
    close(line.client);
    gate_set(line.gate, GATE_PASS);
    expect_text(line.server, "a");
    cr_expect_eq(recv(line.server, &byte, 1, 0), 0);
    say(line.server, "b"); /* nobody is there: reset */
    cr_assert_eq(shutdown(line.server, SHUT_WR), 0);
    cr_expect(WAIT_UNTIL(counts(line.gate).open == 0, SOON_S));
    line.client = dup(line.server); /* for close_line() */
    close_line(&line);
}

Test(gate, forgets_what_is_there_and_nobody_hears, .timeout = 60)
{
    struct line line;
    open_line(&line);
    gate_forget(line.gate);
    say(line.client, "a");
    say(line.server, "b");
    cr_expect_not(ready(line.server, POLLIN, QUIET_MS));
    cr_expect_not(ready(line.client, POLLIN, QUIET_MS));
    int fd = dial(gate_port(line.gate)), server = accept(line.listener, NULL, NULL);
    say(server, "new");
    expect_text(fd, "new");
    gate_cut(line.gate);
    expect_reset(line.client);
    close(fd);
    close(server);
    close_line(&line);
}

/* ---- messages ---- */

#define ROW(text) "D\0\0\0\x08" text

Test(gate, says_its_own_after_so_many_rows_and_ends, .timeout = 60)
{
    struct line line;
    char message[GATE_MESSAGE_MAX], byte;
    size_t len = pg_frames_error(message, sizeof message, "FATAL", "57P01", "so");
    open_line(&line);
    gate_inject_after(line.gate, 'D', 2, message, len);
    static const char rows[] = ROW("one.") "C\0\0\0\x04" ROW("two.") ROW("tri.");
    size_t taken =
        sizeof rows - 1 - (sizeof ROW("tri.") - 1); /* the gate may end before the rest */
    for (size_t i = 0; i < sizeof rows - 1; i++)    /* boundaries do not depend on the pieces */
        cr_assert(send(line.server, rows + i, 1, MSG_NOSIGNAL) == 1 || i >= taken);
    char got[sizeof rows + sizeof message];
    size_t want = taken + len;
    for (size_t at = 0; at < want; at++) {
        cr_assert(ready(line.client, POLLIN, SOON_S * 1000));
        cr_assert_eq(recv(line.client, got + at, 1, 0), 1);
    }
    cr_expect_arr_eq(got, rows, want - len);
    cr_expect_arr_eq(got + want - len, message, len);
    cr_assert(ready(line.client, POLLIN, SOON_S * 1000));
    cr_expect_eq(recv(line.client, &byte, 1, 0), 0, "the end, and no reset");
    cr_expect_eq(counts(line.gate).injected, 1);
    cr_expect_eq(counts(line.gate).open, 0);
    close_line(&line);
}

Test(gate, an_error_message_is_as_the_protocol_has_it)
{
    static const char want[] = "E\0\0\0\x1f"
                               "SFATAL\0VFATAL\0C57P01\0Mbye\0\0";
    char got[64];
    size_t len = pg_frames_error(got, sizeof got, "FATAL", "57P01", "bye");
    cr_assert_eq(len, sizeof want - 1);
    cr_expect_arr_eq(got, want, len);
}

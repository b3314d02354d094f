/* liar.c - see liar.h. A message of PostgreSQL's protocol is a type byte, a length that includes
 * itself, and a body. Only the client's first message has no type (protocol manual, 55.7). */
#include "support/liar.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/sync.h"
#include "support/process.h"

enum { SQL_SIZE = 4096, NAMES_MAX = 16, NAME_SIZE = 32, HEAD = 5, LONG_BYTES = 5000 };

struct liar {
    int listener, port, server_port, stop[2];
    pthread_t thread;
    struct mutex mu;
    struct cond left;
    int clients;
    const char *about;
    enum lie lie;
    int64_t told;
};

struct bytes {
    char *data; /* owned */
    size_t len, size;
};

struct prepared {
    char name[NAME_SIZE], sql[SQL_SIZE];
};

struct talk {
    struct liar *liar;
    int client, server;
    bool started; /* the first message was forwarded */
    bool lies;    /* the answer to the present statement is changed */
    enum lie lie;
    char sql[SQL_SIZE]; /* text of the present statement */
    struct prepared prepared[NAMES_MAX];
    struct bytes up, down, out;
};

/* ---- bytes ---- */

static void add(struct bytes *b, const void *data, size_t len)
{
    if (b->len + len > b->size) {
        b->size = 2 * (b->len + len);
        b->data = realloc(b->data, b->size);
        CHECK(b->data != NULL);
    }
    if (len > 0)
        memcpy(b->data + b->len, data, len);
    b->len += len;
}

static void add_number(struct bytes *b, uint32_t number, int bytes)
{
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
        char byte = (char)(number >> shift & 0xff);
        add(b, &byte, 1);
    }
}

static uint32_t number_at(const char *data, int bytes)
{
    uint32_t number = 0;
    for (int i = 0; i < bytes; i++)
        number = number << 8 | (unsigned char)data[i];
    return number;
}

static void drop(struct bytes *b, size_t len)
{
    memmove(b->data, b->data + len, b->len - len);
    b->len -= len;
}

/* Returns the length of the message at the beginning once it is complete, else 0. */
static size_t whole_message(const struct bytes *b, bool typed)
{
    size_t head = typed ? HEAD : HEAD - 1;
    if (b->len < head)
        return 0;
    size_t len = number_at(b->data + head - 4, 4) + (typed ? 1 : 0);
    return b->len >= len ? len : 0;
}

static bool send_all(int fd, struct bytes *b)
{
    for (size_t at = 0; at < b->len;) {
        ssize_t n = send(fd, b->data + at, b->len - at, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        at += (size_t)n;
    }
    b->len = 0;
    return true;
}

/* ---- the client's messages ---- */

static void note_sql(struct talk *t, const char *sql)
{
    (void)snprintf(t->sql, sizeof t->sql, "%s", sql);
    mutex_lock(&t->liar->mu);
    t->lies = t->liar->about != NULL && strstr(t->sql, t->liar->about) != NULL;
    t->lie = t->liar->lie;
    t->liar->told += t->lies;
    mutex_unlock(&t->liar->mu);
}

static struct prepared *find_prepared(struct talk *t, const char *name)
{
    for (int i = 0; i < NAMES_MAX; i++)
        if (t->prepared[i].name[0] == '\0' || strcmp(t->prepared[i].name, name) == 0)
            return &t->prepared[i];
    support_fail("more than %d prepared statements", NAMES_MAX);
}

/* Notes the statement. Parse has its name and its text, Bind a portal and the statement's name. */
static void note_question(struct talk *t, char type, const char *body)
{
    const char *second = body + strlen(body) + 1;
    if (type == 'Q')
        note_sql(t, body);
    if (type == 'P' && body[0] != '\0') {
        struct prepared *p = find_prepared(t, body);
        (void)snprintf(p->name, sizeof p->name, "%s", body);
        (void)snprintf(p->sql, sizeof p->sql, "%s", second);
        t->lies = false; /* the statement is only prepared: change the answer when it runs */
    } else if (type == 'P') {
        note_sql(t, second);
    } else if (type == 'B' && second[0] != '\0') {
        note_sql(t, find_prepared(t, second)->sql);
    }
}

static bool pass_up(struct talk *t)
{
    size_t len;
    t->out.len = 0;
    while ((len = whole_message(&t->up, t->started)) > 0) {
        if (t->started)
            note_question(t, t->up.data[0], t->up.data + HEAD);
        t->started = true;
        add(&t->out, t->up.data, len);
        drop(&t->up, len);
    }
    return send_all(t->server, &t->out);
}

/* ---- the server's messages ---- */

/* Returns the end of the column description at `at`. */
static const char *after_field(const char *at)
{
    return at + strlen(at) + 1 + 18;
}

static const char *after_value(const char *at)
{
    uint32_t len = number_at(at, 4);
    return at + 4 + (len == UINT32_MAX ? 0 : len);
}

static void add_value(struct bytes *out, enum lie lie)
{
    static const char garbage[] = "'-\xc3(9e9999999999999999999999";
    char text[LONG_BYTES];
    memset(text, '9', sizeof text);
    if (lie == LIE_NULLS) {
        add_number(out, UINT32_MAX, 4);
    } else if (lie == LIE_EMPTY) {
        add_number(out, 0, 4);
    } else if (lie == LIE_GARBAGE) {
        add_number(out, sizeof garbage - 1, 4);
        add(out, garbage, sizeof garbage - 1);
    } else {
        add_number(out, sizeof text, 4);
        add(out, text, sizeof text);
    }
}

/* A 'T' or a 'D' has the number of columns, then one after the other. */
static void add_columns(struct bytes *out, enum lie lie, char type, const char *body)
{
    uint32_t n = number_at(body, 2);
    bool changes_values = type == 'D' && lie >= LIE_NULLS && lie <= LIE_LONG;
    const char *at = body + 2, *last = at;
    for (uint32_t i = 0; i < n; i++) {
        last = at;
        at = type == 'T' ? after_field(at) : after_value(at);
        if (changes_values)
            add_value(out, lie);
        else if (lie != LIE_FEWER_COLUMNS || i + 1 < n)
            add(out, last, (size_t)(at - last));
    }
    if (lie == LIE_MORE_COLUMNS && n > 0)
        add(out, last, (size_t)(at - last));
}

static uint32_t columns_of(enum lie lie, const char *body)
{
    uint32_t n = number_at(body, 2);
    if (n == 0)
        return 0;
    return lie == LIE_FEWER_COLUMNS ? n - 1 : lie == LIE_MORE_COLUMNS ? n + 1 : n;
}

static void tell(struct talk *t, const char *message, size_t len)
{
    struct bytes body = { NULL, 0, 0 };
    char type = message[0];
    int times = 1;
    if (type == 'C' && t->lie == LIE_TAG) {
        add(&body, "MUMBLE 7", sizeof "MUMBLE 7");
    } else if (type == 'T' || type == 'D') {
        add_number(&body, columns_of(t->lie, message + HEAD), 2);
        add_columns(&body, t->lie, type, message + HEAD);
        if (t->lie == LIE_NO_TABLE || (type == 'D' && t->lie == LIE_NO_ROWS))
            times = 0;
        if (type == 'D' && t->lie == LIE_TWICE)
            times = 2;
    } else {
        add(&body, message + HEAD, len - HEAD);
    }
    for (; times > 0; times--) {
        add(&t->out, &type, 1);
        add_number(&t->out, (uint32_t)body.len + 4, 4);
        add(&t->out, body.data, body.len);
    }
    free(body.data);
}

static bool pass_down(struct talk *t)
{
    size_t len;
    t->out.len = 0;
    while ((len = whole_message(&t->down, true)) > 0) {
        if (t->lies)
            tell(t, t->down.data, len);
        else
            add(&t->out, t->down.data, len);
        drop(&t->down, len);
    }
    return send_all(t->client, &t->out);
}

/* ---- a connection ---- */

static bool take(int fd, struct bytes *b)
{
    char buffer[16384];
    ssize_t n = recv(fd, buffer, sizeof buffer, 0);
    if (n > 0)
        add(b, buffer, (size_t)n);
    return n > 0;
}

static void pass_on(struct talk *t)
{
    struct pollfd fds[] = { { .fd = t->client, .events = POLLIN },
                            { .fd = t->server, .events = POLLIN } };
    for (;;) {
        if (poll(fds, 2, -1) < 0)
            continue;
        if (fds[0].revents != 0 && !(take(t->client, &t->up) && pass_up(t)))
            return;
        if (fds[1].revents != 0 && !(take(t->server, &t->down) && pass_down(t)))
            return;
    }
}

static int dial(int port)
{
    const struct sockaddr_in addr = { .sin_family = AF_INET,
                                      .sin_port = htons((uint16_t)port),
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&addr, sizeof addr) != 0)
        support_fail_os("the liar's server");
    return fd;
}

static void send_at_once(int fd)
{
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void *talk_run(void *arg)
{
    struct talk *t = arg;
    struct liar *liar = t->liar;
    t->server = dial(liar->server_port);
    send_at_once(t->server);
    send_at_once(t->client);
    pass_on(t);
    (void)close(t->client), (void)close(t->server);
    free(t->up.data), free(t->down.data), free(t->out.data);
    free(t);
    mutex_lock(&liar->mu);
    liar->clients--;
    cond_broadcast(&liar->left);
    mutex_unlock(&liar->mu);
    return NULL;
}

static void begin_talk(struct liar *liar, int client)
{
    pthread_t thread;
    struct talk *t = calloc(1, sizeof *t);
    CHECK(t != NULL);
    t->liar = liar;
    t->client = client;
    mutex_lock(&liar->mu);
    liar->clients++;
    mutex_unlock(&liar->mu);
    CHECK(pthread_create(&thread, NULL, talk_run, t) == 0);
    CHECK(pthread_detach(thread) == 0);
}

static void *listen_run(void *arg)
{
    struct liar *liar = arg;
    struct pollfd fds[] = { { .fd = liar->listener, .events = POLLIN },
                            { .fd = liar->stop[0], .events = POLLIN } };
    while (fds[1].revents == 0) {
        if (poll(fds, 2, -1) <= 0 || fds[0].revents == 0)
            continue;
        int client = accept4(liar->listener, NULL, NULL, SOCK_CLOEXEC);
        if (client >= 0)
            begin_talk(liar, client);
    }
    return NULL;
}

/* ---- the liar ---- */

struct liar *liar_open(int server_port)
{
    struct liar *liar = calloc(1, sizeof *liar);
    CHECK(liar != NULL);
    int port = process_free_port(), on = 1;
    const struct sockaddr_in addr = { .sin_family = AF_INET,
                                      .sin_port = htons((uint16_t)port),
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    *liar = (struct liar){ .port = port, .server_port = server_port };
    liar->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)setsockopt(liar->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(liar->listener, (const struct sockaddr *)&addr, sizeof addr) != 0 ||
        listen(liar->listener, SOMAXCONN) != 0)
        support_fail_os("the liar's port");
    CHECK(pipe(liar->stop) == 0);
    mutex_init(&liar->mu);
    cond_init(&liar->left);
    CHECK(thread_start(&liar->thread, "liar", listen_run, liar) == 0);
    return liar;
}

void liar_close(struct liar **liar)
{
    struct liar *l = *liar;
    if (l == NULL)
        return;
    (void)close(l->stop[1]);
    thread_join(l->thread);
    mutex_lock(&l->mu);
    while (l->clients > 0)
        (void)cond_wait_until(&l->left, &l->mu, INT64_MAX);
    mutex_unlock(&l->mu);
    (void)close(l->stop[0]), (void)close(l->listener);
    cond_fini(&l->left);
    mutex_fini(&l->mu);
    free(l);
    *liar = NULL;
}

int liar_port(const struct liar *liar)
{
    return liar->port;
}

void liar_tell(struct liar *liar, const char *about, enum lie lie)
{
    mutex_lock(&liar->mu);
    liar->about = about;
    liar->lie = lie;
    mutex_unlock(&liar->mu);
}

int64_t liar_told(struct liar *liar)
{
    mutex_lock(&liar->mu);
    int64_t told = liar->told;
    mutex_unlock(&liar->mu);
    return told;
}

/* uuid7.c - see uuid7.h. Each thread has its own counter and stock of random bytes, so no id needs
 * a lock, and one system call serves about thirty ids.
 *
 * The counter is in the 12 bits after the version. In each new millisecond, the counter starts at a
 * random value below half of its range. So an id reveals little about earlier ids, and a
 * millisecond has room for at least 2048 ids. If the counter is full, the ids get a time that is
 * ahead of the clock (RFC 9562, 6.2). */
#include "orders/uuid7.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/random.h>

#include "base/check.h"

enum {
    UUID_BYTES = 16,
    UUID_CHARS = 36,
    TIME_BYTES = 6,
    COUNTER_MAX = 0xfff,
    COUNTER_START_MASK = 0x7ff,
    STOCK_BYTES = 256, /* more might be cut short by a signal: getrandom(2) */
};

static _Thread_local struct {
    int64_t last_ms;
    unsigned counter;
    unsigned char stock[STOCK_BYTES];
    size_t left; /* unused bytes, at the beginning of the stock */
} state;

static void random_take(void *out, size_t n)
{
    if (state.left < n) {
        ssize_t got;
        do
            got = getrandom(state.stock, STOCK_BYTES, 0);
        while (got < 0 && errno == EINTR); /* a signal came before the kernel's generator was
                                              seeded; afterwards there is no EINTR */
        CHECK(got == STOCK_BYTES);         /* ids without randomness would not be unique */
        state.left = STOCK_BYTES;
    }
    state.left -= n;
    memcpy(out, state.stock + state.left, n);
}

static void next_tick(int64_t unix_ms)
{
    bool moved = unix_ms > state.last_ms;
    if (!moved && state.counter < COUNTER_MAX) {
        state.counter++;
        return;
    }
    uint16_t start;
    random_take(&start, sizeof start);
    state.last_ms = moved ? unix_ms : state.last_ms + 1;
    state.counter = start & COUNTER_START_MASK;
}

/* Returns true if a hyphen stands before this byte of the id: before bytes 4, 6, 8 and 10. */
static bool hyphen_before(size_t byte)
{
    return byte >= 4 && byte <= 10 && byte % 2 == 0;
}

static void write_text(const unsigned char id[UUID_BYTES], char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < UUID_BYTES; i++) {
        if (hyphen_before(i))
            *out++ = '-';
        *out++ = digits[id[i] >> 4];
        *out++ = digits[id[i] & 0xf];
    }
    *out = '\0';
}

static void set_time(unsigned char id[UUID_BYTES], int64_t unix_ms)
{
    for (unsigned i = 0; i < TIME_BYTES; i++)
        id[i] = (unsigned char)(unix_ms >> (40 - 8 * i));
}

void uuid7_text(int64_t unix_ms, char out[37])
{
    unsigned char id[UUID_BYTES];
    next_tick(unix_ms);
    set_time(id, state.last_ms);
    id[6] = (unsigned char)(0x70 | state.counter >> 8);
    id[7] = (unsigned char)(state.counter & 0xff);
    random_take(id + 8, 8);
    id[8] = (unsigned char)(0x80 | (id[8] & 0x3f));
    write_text(id, out);
}

void uuid7_smallest(int64_t unix_ms, char out[37])
{
    unsigned char id[UUID_BYTES] = { 0 };
    set_time(id, unix_ms);
    write_text(id, out);
}

int64_t uuid7_unix_ms(const unsigned char id[16])
{
    int64_t unix_ms = 0;
    for (unsigned i = 0; i < TIME_BYTES; i++)
        unix_ms = unix_ms << 8 | id[i];
    return unix_ms;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool uuid_parse(const char *text, unsigned char out[16])
{
    unsigned char id[UUID_BYTES];
    if (strnlen(text, UUID_CHARS + 1) != UUID_CHARS)
        return false;
    for (size_t i = 0; i < UUID_BYTES; i++) {
        if (hyphen_before(i) && *text++ != '-')
            return false;
        int high = hex_value(*text++), low = hex_value(*text++);
        if (high < 0 || low < 0)
            return false;
        id[i] = (unsigned char)(high << 4 | low);
    }
    memcpy(out, id, sizeof id);
    return true;
}

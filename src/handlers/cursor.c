/* cursor.c - see cursor.h. No library that this layer may use has base64url, so the few lines of it
 * are here. */
#include "handlers/cursor.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/check.h"

enum {
    VERSION = 1,
    BYTES_MAX = ORDER_NAME_SIZE, /* the version byte, and an id without its NUL */
    DIGIT_BITS = 6,
    DIGIT_MASK = 63,
};
static_assert(CURSOR_SIZE == (BYTES_MAX * 8 + DIGIT_BITS - 1) / DIGIT_BITS + 1, "as base64url");

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void cursor_write(const char *client_order_id, char out[CURSOR_SIZE])
{
    uint32_t bits = VERSION; /* the lowest n_bits of it are not written yet */
    unsigned n_bits = 8;
    size_t len = 0;
    CHECK(order_name_is_valid(client_order_id));
    for (const char *at = client_order_id;; at++) {
        for (; n_bits >= DIGIT_BITS; n_bits -= DIGIT_BITS)
            out[len++] = digits[(bits >> (n_bits - DIGIT_BITS)) & DIGIT_MASK];
        if (*at == '\0')
            break;
        bits = (bits << 8) | (unsigned char)*at;
        n_bits += 8;
    }
    if (n_bits > 0)
        out[len++] = digits[(bits << (DIGIT_BITS - n_bits)) & DIGIT_MASK];
    out[len] = '\0';
}

/* Reads base64url into at most BYTES_MAX bytes, and a NUL. Returns their number; 0 if the text is
 * malformed. Bits of the last digit that belong to no byte must be 0. */
static size_t read_bytes(const char *text, char bytes[BYTES_MAX + 1])
{
    uint32_t bits = 0; /* the lowest n_bits of it belong to the next byte */
    unsigned n_bits = 0;
    size_t len = 0;
    for (; *text != '\0'; text++) {
        const char *digit = strchr(digits, *text);
        if (digit == NULL || len == BYTES_MAX)
            return 0;
        bits = (bits << DIGIT_BITS) | (uint32_t)(digit - digits);
        n_bits += DIGIT_BITS;
        if (n_bits < 8)
            continue;
        n_bits -= 8;
        bytes[len++] = (char)((bits >> n_bits) & 0xff);
    }
    bytes[len] = '\0';
    return n_bits < DIGIT_BITS && (bits & ((1u << n_bits) - 1)) == 0 ? len : 0;
}

bool cursor_read(const char *text, char client_order_id[ORDER_NAME_SIZE])
{
    char bytes[BYTES_MAX + 1];
    size_t len = read_bytes(text, bytes);
    const char *id = bytes + 1;
    if (len < 2 || bytes[0] != VERSION || !order_name_is_valid(id) || strlen(id) != len - 1)
        return false;
    memcpy(client_order_id, id, len);
    return true;
}

/* pg_frames.c - see pg_frames.h. */
#include "support/pg_frames.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

enum { HEAD_BYTES = 5, LENGTH_BYTES = 4 };

static void take_head(struct pg_frames *frames, char byte)
{
    if (frames->head++ == 0) {
        frames->type = byte;
        frames->length = 0;
        return;
    }
    frames->length = frames->length << 8 | (unsigned char)byte;
    if (frames->head == HEAD_BYTES)
        frames->left = frames->length > LENGTH_BYTES ? frames->length - LENGTH_BYTES : 0;
}

static size_t take_body(struct pg_frames *frames, size_t len)
{
    size_t taken = len < frames->left ? len : frames->left;
    frames->left -= (uint32_t)taken;
    return taken;
}

size_t pg_frames_walk(struct pg_frames *frames, const char *bytes, size_t len, char stop_after,
                      bool *stopped)
{
    size_t at = 0;
    *stopped = false;
    while (at < len && !*stopped) {
        if (frames->head < HEAD_BYTES)
            take_head(frames, bytes[at++]);
        else
            at += take_body(frames, len - at);
        if (frames->head < HEAD_BYTES || frames->left > 0)
            continue;
        frames->head = 0;
        *stopped = frames->type == stop_after && stop_after != '\0';
    }
    return at;
}

size_t pg_frames_error(char *out, size_t size, const char *severity, const char *sqlstate,
                       const char *text)
{
    CHECK(size > HEAD_BYTES);
    int n = snprintf(out + HEAD_BYTES, size - HEAD_BYTES, "S%s%cV%s%cC%s%cM%s%c", severity, 0,
                     severity, 0, sqlstate, 0, text, 0);
    CHECK(n > 0 && (size_t)n + 1 < size - HEAD_BYTES); /* 1: the NUL that ends the fields */
    uint32_t length = htonl((uint32_t)n + 1 + LENGTH_BYTES);
    out[0] = 'E';
    memcpy(out + 1, &length, sizeof length);
    return HEAD_BYTES + (size_t)n + 1;
}

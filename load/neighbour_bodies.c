/* neighbour_bodies.c - see neighbour_bodies.h. */
#include "load/neighbour_bodies.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { HEAD_MAX = 512, ORDER_BYTES = 192, NUMBER_DIGITS = 12, PIECE_BYTES = 1 << 16 };

/* Writes head and body into a new buffer of the request. Always frees `body`. */
static bool assemble(struct neighbour_request *request, const char *host, const char *path,
                     const char *more, char *body, size_t len)
{
    char head[HEAD_MAX];
    int n = snprintf(head, sizeof head,
                     "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n%s"
                     "Content-Length: %zu\r\n\r\n",
                     path, host, more, len);
    char *text = n >= 0 && (size_t)n < sizeof head ? malloc((size_t)n + len) : NULL;
    if (text != NULL) {
        memcpy(text, head, (size_t)n);
        memcpy(text + n, body, len);
    }
    free(body);
    request->text = text;
    if (text == NULL)
        return false;
    request->len = (size_t)n + len;
    request->first_at += (size_t)n;
    return true;
}

static int write_order(char *out, const char *prefix, bool bad)
{
    return snprintf(out, ORDER_BYTES,
                    "{\"client_order_id\":\"%s%0*d\",\"account_id\":\"BATCH\",\"symbol\":"
                    "\"EURUSD\",\"side\":\"%s\",\"type\":\"limit\",\"quantity\":\"1.5\","
                    "\"limit_price\":\"1.0825\"},",
                    prefix, NUMBER_DIGITS, 0, bad ? "hold" : "sell");
}

bool neighbour_batch(struct neighbour_request *request, enum neighbour_batch_kind kind,
                     const char *host, const char *prefix, size_t n_orders)
{
    char *body = malloc(n_orders * ORDER_BYTES + 2);
    if (body == NULL)
        return false;
    size_t len = 1;
    body[0] = '[';
    for (size_t i = 0; i < n_orders; i++) {
        bool bad = kind == NEIGHBOUR_ONE_BAD && i == n_orders / 2;
        int n = write_order(body + len, prefix, bad);
        request->stride = (size_t)n; /* "hold" and "sell" are equally long */
        len += (size_t)n;
    }
    body[len - 1] = ']';
    request->n_orders = n_orders;
    request->first_at = 1 + strlen("{\"client_order_id\":\"") + strlen(prefix);
    return assemble(request, host, "/v1/orders/batch", "", body, len);
}

void neighbour_batch_number(struct neighbour_request *request, uint64_t first)
{
    for (size_t i = 0; i < request->n_orders; i++) {
        uint64_t number = first + i;
        char *digits = request->text + request->first_at + i * request->stride;
        for (int at = NUMBER_DIGITS - 1; at >= 0; at--, number /= 10)
            digits[at] = (char)('0' + number % 10);
    }
}

static bool pack_same(z_stream *stream, char byte, size_t bytes)
{
    static Bytef same[PIECE_BYTES];
    memset(same, byte, sizeof same);
    for (size_t left = bytes; left > 0;) {
        size_t n = left < PIECE_BYTES ? left : PIECE_BYTES;
        left -= n;
        stream->next_in = same;
        stream->avail_in = (uInt)n;
        int rc = deflate(stream, left > 0 ? Z_NO_FLUSH : Z_FINISH);
        if (rc != Z_OK && rc != Z_STREAM_END)
            return false;
    }
    return true;
}

bool neighbour_bomb(struct neighbour_request *request, const char *host, const char *path,
                    char byte, size_t bytes)
{
    enum { GZIP_WINDOW = 15 + 16 };
    z_stream stream = { .next_in = NULL };
    size_t room = bytes / 500 + PIECE_BYTES; /* one repeated byte compresses a thousandfold */
    char *body = malloc(room);
    if (body == NULL || deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, 9,
                                     Z_DEFAULT_STRATEGY) != Z_OK) {
        free(body);
        return false;
    }
    stream.next_out = (Bytef *)body;
    stream.avail_out = (uInt)room;
    bool packed = pack_same(&stream, byte, bytes);
    size_t len = stream.total_out;
    (void)deflateEnd(&stream);
    if (!packed) {
        free(body);
        return false;
    }
    return assemble(request, host, path, "Content-Encoding: gzip\r\n", body, len);
}

bool neighbour_members(struct neighbour_request *request, const char *host, size_t members,
                       size_t document_bytes)
{
    enum { MEMBER_BYTES = 16 };
    bool batch = document_bytes > 0;
    char *body = malloc(members * MEMBER_BYTES + 4);
    if (body == NULL)
        return false;
    size_t len, begun_at = 0;
    body[0] = batch ? '[' : '{';
    body[1] = '{';
    len = batch ? 2 : 1;
    for (size_t i = 0; i < members; i++) {
        bool next = batch && len - begun_at > document_bytes;
        begun_at = next ? len : begun_at;
        const char *before = i == 0 ? "" : next ? "},{" : ",";
        int n = snprintf(body + len, MEMBER_BYTES, "%s\"m%06zu\":1", before, i);
        len += (size_t)n;
    }
    body[len++] = '}';
    if (batch)
        body[len++] = ']';
    return assemble(request, host, batch ? "/v1/orders/batch" : "/v1/orders", "", body, len);
}

void neighbour_request_fini(struct neighbour_request *request)
{
    free(request->text);
    *request = (struct neighbour_request){ .text = NULL };
}

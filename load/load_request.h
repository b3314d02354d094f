/* load_request.h - POST /v1/orders as bytes. The request is written once; order number n is made by
 * overwriting a few bytes. All requests of a run have the same length. */
#ifndef LOAD_REQUEST_H
#define LOAD_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOAD_REQUEST_SIZE = 1024, LOAD_PREFIX_MAX = 32, LOAD_NUMBER_DIGITS = 12 };

struct load_request {
    char text[LOAD_REQUEST_SIZE];
    size_t len;
    size_t account_at, number_at, symbol_at,
        side_at; /* offsets of what load_request_set() overwrites */
};

/* client_order_id is `prefix` + 12 digits. `header` is one more "Name: value", or NULL. Returns
 * false if the request does not fit. */
bool load_request_init(struct load_request *request, const char *host, const char *prefix,
                       const char *header);

/* Writes order `number` into `text`, a copy of request->text. */
void load_request_set(const struct load_request *request, char *text, uint64_t number);

#endif

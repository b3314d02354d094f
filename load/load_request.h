/* load_request.h - POST /v1/orders as bytes. The request is written once; order number n is made by
 * overwriting a few bytes. All requests of a run have the same length. */
#ifndef LOAD_REQUEST_H
#define LOAD_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOAD_REQUEST_SIZE = 1024, LOAD_PREFIX_MAX = 32, LOAD_NUMBER_DIGITS = 12 };

/* Which orders are sent. */
struct load_spread {
    unsigned accounts;    /* 1..1000000, by turns */
    unsigned hot_percent; /* of the orders are of the first account */
    bool keep;            /* each connection keeps to one account; hot_percent is ignored */
    bool scatter;   /* client_order_ids in no order, so that each new row has a place of its own in
                       the index */
    uint64_t first; /* the first number, below LOAD_NUMBERS */
};

#define LOAD_NUMBERS 1000000000000 /* one more than 12 digits can show */

struct load_request {
    struct load_spread spread;
    size_t account_digits;
    char text[LOAD_REQUEST_SIZE];
    size_t len;
    size_t account_at, number_at, symbol_at,
        side_at; /* offsets of what load_request_set() overwrites */
};

/* client_order_id is `prefix` + 12 digits of load_request_number(). `header` is one more "Name:
 * value", or NULL. Returns false if the request does not fit. */
bool load_request_init(struct load_request *request, const struct load_spread *spread,
                       const char *host, const char *prefix, const char *header);

/* Returns the number that the client_order_id of the nth order has; no two orders have the same. */
uint64_t load_request_number(const struct load_request *request, uint64_t n);

/* Writes order `n`, which this connection sends, into `text`, a copy of request->text. */
void load_request_set(const struct load_request *request, char *text, uint64_t n,
                      uint64_t connection);

#endif

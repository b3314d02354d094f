/* preferences.h - reads how a client wants its request to be handled: query parameters, Prefer and
 * Accept. Threads: the loop of the request. */
#ifndef HANDLERS_PREFERENCES_H
#define HANDLERS_PREFERENCES_H

#include <stdbool.h>

#include "base/attr.h"

struct http_request;

struct preferences {
    bool validate_only; /* ?validate_only=true: validate the orders, store nothing */
    bool atomic;        /* ?atomic=true: store all orders of the batch or none */
    bool minimal;       /* Prefer: return=minimal (RFC 7240, 4.2) */
};

/* Reads the preferences of the request. If a query parameter is given twice or is neither true nor
 * false, rejects the request and returns false. */
bool preferences_read(struct http_request *req, struct preferences *out) MUST_CHECK;

#endif

/* routes.h - the table of routes, with the handler and the possible statuses of each. */
#ifndef APP_ROUTES_H
#define APP_ROUTES_H

#include <stddef.h>

#include "http/http.h"

/* The routes of the service, for an HTTP server whose http_options.ctx is the `handlers` of a
 * struct service. */
extern const struct http_route routes[];
extern const size_t routes_count;

#endif

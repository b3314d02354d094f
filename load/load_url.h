/* load_url.h - parses "http://HOST:PORT" into an address and the value of the Host header. */
#ifndef LOAD_URL_H
#define LOAD_URL_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

/* Returns false if it is no such URL or the host is unknown. */
bool load_url(const char *url, char *host, size_t size, struct sockaddr_in *out) MUST_CHECK;

#endif

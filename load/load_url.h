/* load_url.h - "http://HOST:PORT" as an address, and as the value of the Host header. */
#ifndef LOAD_URL_H
#define LOAD_URL_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

/* False: it is no such URL, or its host is not known. */
bool load_url(const char *url, char *host, size_t size, struct sockaddr_in *out) MUST_CHECK;

#endif

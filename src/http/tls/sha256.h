/* sha256.h - inside of the layer: SHA-256, of GnuTLS. Any thread. */
#ifndef HTTP_TLS_SHA256_H
#define HTTP_TLS_SHA256_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

enum { SHA256_SIZE = 32 };

/* False: GnuTLS offers no SHA-256. */
bool sha256_make(const char *bytes, size_t len, unsigned char out[SHA256_SIZE]) MUST_CHECK;

/* Are the two equal? Takes the same time whatever they are. */
bool sha256_equal(const unsigned char a[SHA256_SIZE],
                  const unsigned char b[SHA256_SIZE]) MUST_CHECK;

#endif

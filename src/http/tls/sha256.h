/* sha256.h - makes and compares SHA-256 hashes, by GnuTLS. Any thread may call these functions.
 * Internal to http. */
#ifndef HTTP_TLS_SHA256_H
#define HTTP_TLS_SHA256_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

enum { SHA256_SIZE = 32 };

/* Writes the SHA-256 of the bytes. Returns false if GnuTLS offers no SHA-256. */
bool sha256_make(const char *bytes, size_t len, unsigned char out[SHA256_SIZE]) MUST_CHECK;

/* Returns true if the two hashes are equal. This takes the same time whatever the hashes are. */
bool sha256_equal(const unsigned char a[SHA256_SIZE],
                  const unsigned char b[SHA256_SIZE]) MUST_CHECK;

#endif

/* sha256.c - see sha256.h. */
#include "http/tls/sha256.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

bool sha256_make(const char *bytes, size_t len, unsigned char out[SHA256_SIZE])
{
    return gnutls_hash_fast(GNUTLS_DIG_SHA256, bytes, len, out) == 0;
}

bool sha256_equal(const unsigned char a[SHA256_SIZE], const unsigned char b[SHA256_SIZE])
{
    return gnutls_memcmp(a, b, SHA256_SIZE) == 0;
}

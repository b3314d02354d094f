/* key_hash.c - see key_hash.h. It also has http_hash_key(), which makes the hash for the file of
 * keys. */
#include "http/auth/key_hash.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "http/auth/api_keys.h"

_Static_assert(HTTP_KEY_HASH_SIZE == sizeof KEY_HASH_PREFIX + KEY_HASH_DIGITS, "and a NUL");
_Static_assert((int)HTTP_KEY_MAX == (int)KEY_TEXT_MAX, "one bound");

static bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~+/", c) != NULL);
}

bool key_text_is_valid(const char *text, size_t len)
{
    while (len > 0 && text[len - 1] == '=')
        len--;
    for (size_t i = 0; i < len; i++)
        if (!is_token_char(text[i]))
            return false;
    return len > 0;
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool key_hash_parse(const char *text, unsigned char out[KEY_HASH_SIZE])
{
    unsigned char hash[KEY_HASH_SIZE];
    size_t prefix = strlen(KEY_HASH_PREFIX);
    if (strlen(text) != prefix + KEY_HASH_DIGITS || strncmp(text, KEY_HASH_PREFIX, prefix) != 0)
        return false;
    text += prefix;
    for (size_t i = 0; i < KEY_HASH_SIZE; i++) {
        int high = digit_value(text[2 * i]), low = digit_value(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        hash[i] = (unsigned char)(high << 4 | low);
    }
    memcpy(out, hash, sizeof hash);
    return true;
}

bool http_hash_key(const char *key, size_t len, char out[HTTP_KEY_HASH_SIZE], struct err *err)
{
    unsigned char hash[KEY_HASH_SIZE];
    if (len < HTTP_KEY_MIN || len > HTTP_KEY_MAX || !key_text_is_valid(key, len)) {
        err_set(err, 0,
                "a key has %d to %d characters of A-Z a-z 0-9 - . _ ~ + / with = at the end only",
                HTTP_KEY_MIN, HTTP_KEY_MAX);
        return false;
    }
    if (!sha256_make(key, len, hash)) {
        err_set(err, 0, "GnuTLS makes no SHA-256");
        return false;
    }
    (void)snprintf(out, HTTP_KEY_HASH_SIZE, "%s", KEY_HASH_PREFIX);
    for (size_t i = 0; i < KEY_HASH_SIZE; i++)
        (void)snprintf(out + strlen(KEY_HASH_PREFIX) + 2 * i, 3, "%02x", hash[i]);
    return true;
}

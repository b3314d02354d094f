/* key_folder.h - keys for tests, and a file that holds some of them. KEY(n) is a key, HASH(n) what
 * a file has of it; the file is one of the test's process and goes with it. */
#ifndef UNIT_KEY_FOLDER_H
#define UNIT_KEY_FOLDER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/check.h"
#include "base/err.h"
#include "http/http.h"

static char key_path[64];

static void key_remove(void)
{
    (void)unlink(key_path);
}

/* Puts a new file to the place of the old one, as those who run a service should. */
UNUSED static const char *key_write(const void *bytes, size_t len)
{
    char fresh[64] = "/tmp/ordersd-keys-XXXXXX";
    int fd = mkstemp(fresh);
    CHECK(fd >= 0);
    CHECK(write(fd, bytes, len) == (ssize_t)len);
    CHECK(close(fd) == 0);
    if (key_path[0] == '\0') {
        memcpy(key_path, fresh, sizeof fresh);
        CHECK(atexit(key_remove) == 0);
    }
    CHECK(rename(fresh, key_path) == 0);
    return key_path;
}

UNUSED static const char *key_write_text(const char *text)
{
    return key_write(text, strlen(text));
}

/* Borrowed until the eighth call after it. */
UNUSED static const char *key_text(int n)
{
    static char text[8][64];
    static unsigned at;
    char *out = text[at++ % 8];
    (void)snprintf(out, sizeof text[0], "the-key-of-number-%d", n);
    return out;
}

UNUSED static const char *key_hash_text(int n)
{
    static char text[8][HTTP_KEY_HASH_SIZE];
    static unsigned at;
    char *out = text[at++ % 8];
    const char *key = key_text(n);
    struct err err;
    CHECK(http_hash_key(key, strlen(key), out, &err));
    return out;
}

#endif

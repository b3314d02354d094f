/* keys_file.h - the file of keys of one test program, and requests with a key. */
#ifndef KEYS_FILE_H
#define KEYS_FILE_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "service_rig.h"

/* "" until the first keys_file_write(). */
static char keys_file[64];

/* Replaces the file in one step, as an operator should. */
UNUSED static void keys_file_write(const char *text)
{
    char fresh[] = "/tmp/ordersd-test-keys-XXXXXX";
    int fd = mkstemp(fresh);
    cr_assert(fd >= 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    if (keys_file[0] == '\0')
        memcpy(keys_file, fresh, sizeof fresh);
    cr_assert_eq(rename(fresh, keys_file), 0);
}

UNUSED static void keys_file_remove(void)
{
    if (keys_file[0] != '\0')
        (void)unlink(keys_file);
}

/* Asks with `key`, or without a key if that is NULL. */
UNUSED static struct answer ask(struct rig *rig, const char *method, const char *where,
                                const char *key, const char *body)
{
    char header[128] = "X-No-Key: 1";
    if (key != NULL)
        (void)snprintf(header, sizeof header, "Authorization: Bearer %s", key);
    return rig_ask(rig, method, where, LIST("Content-Type: application/json", header), body);
}

#endif

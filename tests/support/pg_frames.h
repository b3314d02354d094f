/* pg_frames.h - the server's side of PostgreSQL's protocol, as far as a gate must know it: where a
 * message ends, and how an error looks (protocol manual, 55.7). Each message is a type byte, a
 * length that counts itself, and a body; so it is from a connection's first byte on only when the
 * client asks for no encryption (sslmode=disable, and no GSSAPI). Pure; one thread at a time. */
#ifndef SUPPORT_PG_FRAMES_H
#define SUPPORT_PG_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where in its stream a walk is; all zero at the start. */
struct pg_frames {
    char type;       /* of the message under way */
    unsigned head;   /* bytes of type and length seen, 0..5 */
    uint32_t length; /* as far as it is seen */
    uint32_t left;   /* bytes of the body to come */
};

/* Walks on over `bytes` and stops after the end of a message of type `stop_after` ('\0': none).
 * Returns how many bytes it walked over; *stopped tells why it ended. */
size_t pg_frames_walk(struct pg_frames *frames, const char *bytes, size_t len, char stop_after,
                      bool *stopped);

/* An ErrorResponse; its length, never more than `size`. */
size_t pg_frames_error(char *out, size_t size, const char *severity, const char *sqlstate,
                       const char *text);

#endif

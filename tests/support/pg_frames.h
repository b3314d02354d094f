/* pg_frames.h - the server's side of PostgreSQL's protocol, as far as a proxy needs it: where a
 * message ends, and the format of an error (protocol manual, 55.7). A message is a type byte, a
 * length that includes itself, and a body. That is so from the first byte of a connection only if
 * the client asks for no encryption (sslmode=disable, and no GSSAPI). Pure functions; one thread at
 * a time. */
#ifndef SUPPORT_PG_FRAMES_H
#define SUPPORT_PG_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The position in a stream of messages. Start with zeros. */
struct pg_frames {
    char type;       /* type of the present message */
    unsigned head;   /* bytes of type and length read, 0..5 */
    uint32_t length; /* as far as it was read */
    uint32_t left;   /* bytes of the body not yet read */
};

/* Reads on through `bytes`, and stops after a message of type `stop_after` ('\0': never). Returns
 * how many bytes it read. *stopped is true if it found such a message. */
size_t pg_frames_walk(struct pg_frames *frames, const char *bytes, size_t len, char stop_after,
                      bool *stopped);

/* Writes an ErrorResponse. Returns its length, at most `size`. */
size_t pg_frames_error(char *out, size_t size, const char *severity, const char *sqlstate,
                       const char *text);

#endif

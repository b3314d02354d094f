/* pg_array.h - writes one PostgreSQL array in the binary form of a parameter (array_recv() in
 * PostgreSQL's source). The array has one dimension, and any element may be NULL. Call
 * pg_array_begin(), then add exactly n elements. The buffer's `failed` says if memory ran out. */
#ifndef STORE_PG_ARRAY_H
#define STORE_PG_ARRAY_H

#include <stddef.h>
#include <stdint.h>

struct buf;

enum pg_type { PG_TEXT = 25, PG_TIMESTAMPTZ = 1184, PG_UUID = 2950 }; /* OIDs, fixed for ever */

/* Returns how many bytes an array of n elements takes if each element has element_max bytes. */
size_t pg_array_size(size_t n, size_t element_max);

void pg_array_begin(struct buf *out, enum pg_type element, size_t n);
void pg_array_null(struct buf *out);
void pg_array_text(struct buf *out, const char *text); /* "" is an empty text, not NULL */
void pg_array_uuid(struct buf *out, const char *text); /* the process aborts if `text` is no UUID */
void pg_array_timestamptz(struct buf *out, int64_t unix_us);

#endif

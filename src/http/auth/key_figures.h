/* key_figures.h - counts what an API key did: its requests, those that were rejected, by the code
 * of the problem, and events that the handlers count. Internal to http.
 *
 * Bounds     The first HTTP_KEYS_SHOWN keys of the file have figures of their own, and all other
 *            keys share one struct. A struct has room for HTTP_KEY_CODES codes. Rejections with
 *            further codes are counted together. So neither the memory nor the answer of /metrics
 *            grows with the file or with what clients do.
 * Lifetime   Figures are reference-counted. Their holders are sets of keys. A reload passes the
 *            figures of a key on to the key of the new set that has the same name (keys.h).
 * Threads    any: the counts are relaxed atomics. They have no stripes (base/metrics.h): all loops
 *            change the references of a set, and the bucket of a key, at each request anyway. */
#ifndef HTTP_AUTH_KEY_FIGURES_H
#define HTTP_AUTH_KEY_FIGURES_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/attr.h"
#include "http/auth/api_keys.h"

struct key_code_count {
    _Atomic(const char *) code; /* a constant; NULL: this element and all behind it are free */
    atomic_uint_fast64_t count;
};

struct key_figures {
    /* The figures of two keys share no cache line. */
    _Alignas(64) atomic_uint refs;
    atomic_uint_fast64_t requests;
    atomic_uint_fast64_t counts[HTTP_KEY_COUNTS];
    atomic_uint_fast64_t other_codes;
    struct key_code_count codes[HTTP_KEY_CODES]; /* an element is taken once, and never freed */
};

/* Returns figures that are all 0, with one reference, or NULL if memory is out. */
struct key_figures *key_figures_new(void) MUST_CHECK;
struct key_figures *key_figures_ref(struct key_figures *figures);
void key_figures_unref(struct key_figures **figures); /* a NULL *figures is a no-op */

/* Makes room for a code whose count is shown although it is still 0. `code` is a constant. */
void key_figures_declare(struct key_figures *figures, const char *code);

/* Counts an answered request. `code` is that of http_answered, a constant, or NULL. */
void key_figures_count_request(struct key_figures *figures, const char *code);

/* Adds n to a count of the handlers; i < HTTP_KEY_COUNTS. */
void key_figures_add(struct key_figures *figures, unsigned i, uint64_t n);

/* Copies the counts to *out. Leaves the other members of *out as they are. */
void key_figures_read(const struct key_figures *figures, struct http_key_figures *out);

#endif

/* key_figures.c - see key_figures.h. */
#include "http/auth/key_figures.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

struct key_figures *key_figures_new(void)
{
    struct key_figures *figures = aligned_alloc(_Alignof(struct key_figures), sizeof *figures);
    if (figures != NULL) {
        *figures = (struct key_figures){ .requests = 0 };
        atomic_init(&figures->refs, 1);
    }
    return figures;
}

struct key_figures *key_figures_ref(struct key_figures *figures)
{
    if (figures != NULL)
        atomic_fetch_add_explicit(&figures->refs, 1, memory_order_relaxed);
    return figures;
}

void key_figures_unref(struct key_figures **figures_inout)
{
    struct key_figures *figures = *figures_inout;
    *figures_inout = NULL;
    if (figures != NULL && atomic_fetch_sub_explicit(&figures->refs, 1, memory_order_acq_rel) == 1)
        free(figures);
}

static void add(atomic_uint_fast64_t *count, uint64_t n)
{
    atomic_fetch_add_explicit(count, n, memory_order_relaxed);
}

/* Returns the count of the code. If the code has none, takes the first free one, or returns
 * other_codes. Codes take the elements in turn and never leave them, so two threads with one code
 * end at the same element: the one that fails to take it finds its code there. */
static atomic_uint_fast64_t *count_of(struct key_figures *figures, const char *code)
{
    for (size_t i = 0; i < HTTP_KEY_CODES; i++) {
        struct key_code_count *at = &figures->codes[i];
        const char *taken = atomic_load_explicit(&at->code, memory_order_relaxed);
        if (taken == NULL &&
            atomic_compare_exchange_strong_explicit(&at->code, &taken, code, memory_order_relaxed,
                                                    memory_order_relaxed))
            return &at->count;
        if (taken == code || strcmp(taken, code) == 0)
            return &at->count;
    }
    return &figures->other_codes;
}

void key_figures_declare(struct key_figures *figures, const char *code)
{
    (void)count_of(figures, code);
}

void key_figures_count_request(struct key_figures *figures, const char *code)
{
    add(&figures->requests, 1);
    if (code != NULL)
        add(count_of(figures, code), 1);
}

void key_figures_add(struct key_figures *figures, unsigned i, uint64_t n)
{
    CHECK(i < HTTP_KEY_COUNTS);
    add(&figures->counts[i], n);
}

static uint64_t read_count(const atomic_uint_fast64_t *count)
{
    return atomic_load_explicit(count, memory_order_relaxed);
}

void key_figures_read(const struct key_figures *figures, struct http_key_figures *out)
{
    out->requests = read_count(&figures->requests);
    for (size_t i = 0; i < HTTP_KEY_COUNTS; i++)
        out->counts[i] = read_count(&figures->counts[i]);
    out->other_codes = read_count(&figures->other_codes);
    out->n_codes = 0;
    for (size_t i = 0; i < HTTP_KEY_CODES; i++) {
        const char *code = atomic_load_explicit(&figures->codes[i].code, memory_order_relaxed);
        if (code == NULL)
            break;
        out->codes[out->n_codes++] =
            (struct http_key_code){ code, read_count(&figures->codes[i].count) };
    }
}

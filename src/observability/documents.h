/* documents.h - declares the files that cmake/embed_files.cmake and
 * cmake/embed_reference.cmake compile into the program. */
#ifndef OBSERVABILITY_DOCUMENTS_H
#define OBSERVABILITY_DOCUMENTS_H

#include <stddef.h>

struct document {
    const char *bytes; /* with a NUL, which `len` does not count */
    size_t len;
};

extern const struct document document_page;     /* src/observability/page/page.html */
extern const struct document document_contract; /* api/openapi.yaml */

/* The contract as scripts/api-reference renders it. Empty, unless the build was given that file. */
extern const struct document document_reference;

/* A file that the page loads from /assets/<assets_version>/<name>. */
struct asset {
    const char *name, *content_type;
    struct document document;
};

extern const char assets_version[]; /* a hash of all assets */
extern const struct asset assets[];
extern const size_t assets_count;

#endif

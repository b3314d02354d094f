/* documents.h - files that are compiled into the program (cmake/embed_files.cmake). */
#ifndef OBSERVABILITY_DOCUMENTS_H
#define OBSERVABILITY_DOCUMENTS_H

#include <stddef.h>

struct document {
    const char *bytes; /* NUL-terminated; the NUL is not counted */
    size_t len;
};

extern const struct document document_page;     /* src/observability/page/page.html */
extern const struct document document_contract; /* api/openapi.yaml */

/* What the page asks for: /assets/<assets_version>/<name>. */
struct asset {
    const char *name, *content_type;
    struct document document;
};

extern const char assets_version[]; /* of all of them: of other bytes it is another */
extern const struct asset assets[];
extern const size_t assets_count;

#endif

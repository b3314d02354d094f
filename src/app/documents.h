/* documents.h - files that are compiled into the program (cmake/embed_files.cmake). */
#ifndef APP_DOCUMENTS_H
#define APP_DOCUMENTS_H

#include <stddef.h>

struct document {
    const char *bytes; /* NUL-terminated; the NUL is not counted */
    size_t len;
};

extern const struct document document_page;     /* src/app/page.html */
extern const struct document document_contract; /* api/openapi.yaml */

#endif

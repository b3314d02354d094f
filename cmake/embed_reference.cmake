# embed_reference.cmake - turns the rendered API reference into `document_reference` of observability/documents.h.
#   cmake -D OUT=reference.c -D FILE=api-reference.html -P embed_reference.cmake
# Without a FILE the document is empty, and /docs answers 404.
include(${CMAKE_CURRENT_LIST_DIR}/embed.cmake)

set(bytes "")
if(FILE)
  embed_bytes(${FILE} bytes)
endif()
file(WRITE ${OUT} "/* Made by embed_reference.cmake. */
#include \"observability/documents.h\"

static const unsigned char bytes[] = {
${bytes}0x00 };
const struct document document_reference = { (const char *)bytes, sizeof bytes - 1 };
")

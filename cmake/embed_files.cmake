# embed_files.cmake - turns files in ASCII or UTF-8 into what app/documents.h declares.
#   cmake -D OUT=documents.c -D FILES="page=page.html contract=openapi.yaml" -P embed_files.cmake
include(${CMAKE_CURRENT_LIST_DIR}/embed.cmake)

separate_arguments(FILES UNIX_COMMAND "${FILES}")
set(text "/* Made by embed_files.cmake. */\n#include \"app/documents.h\"\n")
foreach(pair ${FILES})
  if(NOT pair MATCHES "^([a-z_]+)=(.+)$")
    message(FATAL_ERROR "${pair}: not name=path")
  endif()
  set(name ${CMAKE_MATCH_1})
  embed_bytes(${CMAKE_MATCH_2} bytes)
  string(APPEND text "
static const unsigned char bytes_of_${name}[] = {\n${bytes}0x00 };
const struct document document_${name} = { (const char *)bytes_of_${name}, sizeof bytes_of_${name} - 1 };\n")
endforeach()
file(WRITE ${OUT} "${text}")

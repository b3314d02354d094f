# embed_files.cmake - turns files in ASCII or UTF-8 into what observability/documents.h declares.
#   cmake -D OUT=documents.c -D FILES="page='page.html' contract='openapi.yaml'"
#         -D ASSETS="page.css='page.css' plot.js='/usr/.../plot.js'" -P embed_files.cmake
# Assets are what the page asks for. Their version is a hash of them all: where a file has @VERSION@, it is put in. What a
# minified script says of its source map is left out: there is none to ask for.
include(${CMAKE_CURRENT_LIST_DIR}/embed.cmake)

set(type_of_css "text/css; charset=utf-8")
set(type_of_js "text/javascript; charset=utf-8")
set(type_of_svg "image/svg+xml")

separate_arguments(FILES UNIX_COMMAND "${FILES}")
separate_arguments(ASSETS UNIX_COMMAND "${ASSETS}")
set(text "/* Made by embed_files.cmake. */\n#include \"observability/documents.h\"\n")

function(add_bytes name path version)
  file(READ ${path} hex HEX)
  string(HEX "@VERSION@" place)
  string(HEX "${version}" version_hex)
  string(REPLACE ${place} "${version_hex}" hex "${hex}")
  string(HEX "//# sourceMappingURL=" map)
  string(REGEX REPLACE "${map}.*$" "" hex "${hex}")
  embed_hex("${hex}" bytes)
  set(text "${text}\nstatic const unsigned char bytes_of_${name}[] = {\n${bytes}0x00 };\n" PARENT_SCOPE)
endfunction()

# name=path, cut in two.
macro(cut pair)
  if(NOT ${pair} MATCHES "^([a-z_.-]+)=(.+)$")
    message(FATAL_ERROR "${${pair}}: not name=path")
  endif()
  set(name ${CMAKE_MATCH_1})
  set(path ${CMAKE_MATCH_2})
  string(MAKE_C_IDENTIFIER ${name} id)
endmacro()

set(hashes "")
foreach(pair ${ASSETS})
  cut(pair)
  file(SHA256 ${path} hash)
  string(APPEND hashes ${hash})
endforeach()
string(SHA256 version "${hashes}")
string(SUBSTRING ${version} 0 16 version)

foreach(pair ${FILES})
  cut(pair)
  add_bytes(${id} ${path} ${version})
  string(APPEND text
    "const struct document document_${id} = { (const char *)bytes_of_${id}, sizeof bytes_of_${id} - 1 };\n")
endforeach()

set(rows "")
foreach(pair ${ASSETS})
  cut(pair)
  string(REGEX REPLACE "^.*\\." "" ending ${name})
  add_bytes(${id} ${path} ${version})
  string(APPEND rows
    "    { \"${name}\", \"${type_of_${ending}}\", { (const char *)bytes_of_${id}, sizeof bytes_of_${id} - 1 } },\n")
endforeach()
string(APPEND text "
const char assets_version[] = \"${version}\";
const struct asset assets[] = {
${rows}};
const size_t assets_count = sizeof assets / sizeof assets[0];
")
file(WRITE ${OUT} "${text}")

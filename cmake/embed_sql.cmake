# embed_sql.cmake - turns numbered SQL files into the C array that store/migrations.h declares.
#   cmake -D OUT=migrations.c -D DIR=migrations -P embed_sql.cmake
# Files are NNNN_name.sql in ASCII, numbered from 0001 without a gap. Each becomes a run of
# NUL-terminated statements that an empty one ends: a semicolon that ends a line ends a statement, and
# must do so nowhere else.
include(${CMAKE_CURRENT_LIST_DIR}/embed.cmake)

file(GLOB files ${DIR}/*.sql)
list(SORT files)

set(arrays "")
set(rows "")
set(expected 0)
foreach(path ${files})
  get_filename_component(file ${path} NAME)
  if(NOT file MATCHES "^([0-9][0-9][0-9][0-9])_([a-z0-9_]+)\\.sql$")
    message(FATAL_ERROR "${path}: not named NNNN_name.sql")
  endif()
  set(number ${CMAKE_MATCH_1})
  set(name ${CMAKE_MATCH_2})
  math(EXPR expected "${expected} + 1")
  string(REGEX REPLACE "^0+" "" version ${number})
  if(NOT version EQUAL expected)
    message(FATAL_ERROR "${path}: number ${expected} is missing")
  endif()

  embed_bytes(${path} bytes)
  string(REPLACE "0x3b,0x0a,\n" "0x00,\n" bytes "${bytes}")
  string(APPEND arrays "static const char sql_${number}[] = {\n${bytes}0x00 };\n\n")
  string(APPEND rows "    { ${version}, \"${name}\", sql_${number} },\n")
endforeach()

file(WRITE ${OUT} "/* Made by embed_sql.cmake from ${DIR}. */
#include \"store/migrations.h\"

${arrays}const struct migration migrations[] = {
${rows}};
const unsigned migrations_count = ${expected};
")

# layering.cmake - fails when an #include under src/ points up, sideways, or at another layer's library.
#   cmake -D ROOT=<checkout> -P tests/layering.cmake
# CMake's own links cannot see this: every folder is on everybody's include path.
#
# A row names a folder and the folders that it may use. A subfolder may have a row of its own, such as http/message: then
# neither it nor the folder above it may use the other, unless its row says so. A file, and an included header, belong to
# the longest row that fits their path.

cmake_minimum_required(VERSION 3.25)

set(may_base "")
set(may_pqpool base)
set(may_http base http/message http/auth http/tls)
set(may_http/message base)
set(may_http/auth base http/message http/tls)
set(may_http/tls base http http/message)
set(may_orders base)
set(may_store orders pqpool base)
set(may_ingest orders base)
set(may_handlers http ingest orders pqpool base)
set(may_observability handlers http ingest orders pqpool store base)
set(may_app handlers observability http http/tls ingest orders pqpool store base)

# A library's headers, and the folders that may see them.
set(libraries libpq microhttpd jansson gnutls zlib)
set(header_libpq "libpq|postgres_ext|pg_config")
set(header_microhttpd "microhttpd")
set(header_jansson "jansson")
set(header_gnutls "gnutls/")
set(header_zlib "zlib")
set(users_libpq pqpool store)
set(users_microhttpd http http/message http/tls)
set(users_jansson orders app)
set(users_gnutls http/tls)
set(users_zlib http/message)

file(GLOB_RECURSE files RELATIVE ${ROOT}/src ${ROOT}/src/*.c ${ROOT}/src/*.h)
if(NOT files)
  message(FATAL_ERROR "layering: no sources under ${ROOT}/src")
endif()

set(breaks 0)
function(complain file line why)
  message("src/${file}: ${line}: ${why}")
  math(EXPR breaks "${breaks} + 1")
  set(breaks ${breaks} PARENT_SCOPE)
endfunction()

# Sets `out` to the row of src/<file>, "" if no row fits.
function(row_of file out)
  get_filename_component(folder "${file}" DIRECTORY)
  while(folder AND NOT DEFINED may_${folder})
    get_filename_component(folder "${folder}" DIRECTORY)
  endwhile()
  set(${out} "${folder}" PARENT_SCOPE)
endfunction()

foreach(file ${files})
  row_of(${file} folder)
  if(NOT folder)
    complain(${file} "its folder" "has no row in tests/layering.cmake")
    continue()
  endif()
  file(STRINGS ${ROOT}/src/${file} lines REGEX "^[ \t]*#[ \t]*include")
  foreach(line ${lines})
    if(line MATCHES "\"([a-z_0-9]+/[^\"]*)\"")
      set(header ${CMAKE_MATCH_1})
      row_of(${header} used)
      if(NOT used IN_LIST may_${folder} AND NOT used STREQUAL folder)
        complain(${file} "${line}" "${folder}/ may not use ${header}")
      endif()
    endif()
    foreach(library ${libraries})
      if(line MATCHES "[<\"](${header_${library}})" AND NOT folder IN_LIST users_${library})
        complain(${file} "${line}" "only ${users_${library}} may use ${library}")
      endif()
    endforeach()
  endforeach()
endforeach()

list(LENGTH files count)
if(breaks GREATER 0)
  message(FATAL_ERROR "layering: ${breaks} includes against the arrows")
endif()
message("layering: ${count} files keep to the arrows")

# embed.cmake - for scripts that turn files into C arrays.
#   embed_hex(hex out): bytes, written in hex, as the inside of an initializer, a line of theirs a line.
#   embed_bytes(path out): the same of a file.
function(embed_hex hex out)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(REPLACE "0x0a," "0x0a,\n" bytes "${bytes}")
  set(${out} "${bytes}" PARENT_SCOPE)
endfunction()

function(embed_bytes path out)
  file(READ ${path} hex HEX)
  embed_hex("${hex}" bytes)
  set(${out} "${bytes}" PARENT_SCOPE)
endfunction()

# embed.cmake - for scripts that turn files into C arrays.
#   embed_bytes(path out): the file as the inside of an initializer, a line of it a line.
function(embed_bytes path out)
  file(READ ${path} bytes HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  string(REPLACE "0x0a," "0x0a,\n" bytes "${bytes}")
  set(${out} "${bytes}" PARENT_SCOPE)
endfunction()

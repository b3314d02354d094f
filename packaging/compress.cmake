# compress.cmake - run by CPack over what it is about to pack: manual pages and changelogs are gzipped, as Debian wants
# them, with no time in them, so that the same sources make the same package.
file(GLOB_RECURSE files ${CPACK_TEMPORARY_DIRECTORY}/*/usr/share/man/*.[0-9] ${CPACK_TEMPORARY_DIRECTORY}/*/usr/share/doc/changelog)
file(GLOB_RECURSE changelogs ${CPACK_TEMPORARY_DIRECTORY}/*/changelog)
foreach(file ${files} ${changelogs})
  if(EXISTS ${file})
    execute_process(COMMAND gzip -9n ${file} COMMAND_ERROR_IS_FATAL ANY)
  endif()
endforeach()

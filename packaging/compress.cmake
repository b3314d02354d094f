# compress.cmake - run by CPack before it packs: compresses manual pages and changelogs with gzip, as Debian
# requires, without a time, so that the same sources make the same package.
file(GLOB_RECURSE files ${CPACK_TEMPORARY_DIRECTORY}/*/usr/share/man/*.[0-9] ${CPACK_TEMPORARY_DIRECTORY}/*/usr/share/doc/changelog)
file(GLOB_RECURSE changelogs ${CPACK_TEMPORARY_DIRECTORY}/*/changelog)
foreach(file ${files} ${changelogs})
  if(EXISTS ${file})
    execute_process(COMMAND gzip -9n ${file} COMMAND_ERROR_IS_FATAL ANY)
  endif()
endforeach()

# flags.cmake - target `house`: the warnings, hardening and sanitizers that all our code is built with.
# Each flag is probed, since gcc 12 and clang 14 know different ones.
include(CheckCCompilerFlag)
include(CheckPIESupported)

add_library(house INTERFACE)
target_include_directories(house INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_definitions(house INTERFACE _GNU_SOURCE)
target_link_libraries(house INTERFACE pthread)

function(house_flag flag)
  string(MAKE_C_IDENTIFIER "HAVE${flag}" known)
  check_c_compiler_flag(-Werror\;${flag} ${known})
  if(${known})
    target_compile_options(house INTERFACE ${flag})
  endif()
endfunction()

foreach(flag
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wswitch-enum
    -Wcast-qual -Wcast-align=strict -Wformat=2 -Wformat-overflow=2 -Wvla -Walloca -Wundef -Wnull-dereference
    -Wduplicated-cond -Wlogical-op
    -Wno-enum-float-conversion) # clang 19: enumerators name integer constants here
  house_flag(${flag})
endforeach()
if(ORDERSD_WERROR)
  target_compile_options(house INTERFACE -Werror)
endif()
target_compile_options(house INTERFACE -include ${CMAKE_SOURCE_DIR}/src/base/banned.h)

if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  target_compile_options(house INTERFACE $<IF:$<C_COMPILER_ID:GNU>,-Og,-O1> -g)
endif()

if(CMAKE_BUILD_TYPE STREQUAL "Release")
  check_pie_supported()
  set(CMAKE_POSITION_INDEPENDENT_CODE ON)
  set(CMAKE_C_FLAGS_RELEASE "-O2 -g -DNDEBUG")
  foreach(flag -fstack-protector-strong -fstack-clash-protection -ftrivial-auto-var-init=zero
      -fcf-protection=full -mbranch-protection=standard)
    house_flag(${flag})
  endforeach()
  target_compile_options(house INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
  target_link_options(house INTERFACE LINKER:-z,relro,-z,now,-z,noexecstack)
endif()

if(ORDERSD_SANITIZE)
  set(sanitize -fsanitize=${ORDERSD_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_compile_options(house INTERFACE ${sanitize})
  target_link_options(house INTERFACE ${sanitize})
endif()

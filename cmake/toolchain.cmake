# Language, warnings, sanitizers, compiler cache and linker: everything that holds for every target.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)

find_program(CCACHE ccache)
if(CCACHE)
  # Paths relative to the source tree: another clone finds what this one has compiled.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD)
  if(CMAKE_CROSSCOMPILING)
    # A cross compiler looks for a linker of another name, and for this one only where it is told to.
    file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/linker)
    file(CREATE_LINK ${MOLD} ${CMAKE_BINARY_DIR}/linker/ld.mold SYMBOLIC)
    add_link_options(-B${CMAKE_BINARY_DIR}/linker)
  endif()
  add_link_options(-fuse-ld=mold)
endif()

# Compiles the files of a folder several at a time: most of a file's time goes to headers that its neighbours include
# too. Names in anonymous namespaces must therefore differ within a folder. 0 compiles each file by itself.
set(PULSE_BATCH 8 CACHE STRING "How many files are compiled at a time")
if(PULSE_BATCH GREATER 1)
  set(CMAKE_UNITY_BUILD ON)
  set(CMAKE_UNITY_BUILD_BATCH_SIZE ${PULSE_BATCH})
endif()

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor
                    -Woverloaded-virtual -Wcast-qual -Wformat=2 -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  # g++ 12 reports false positives from inlined standard-library code at -O2 (GCC bug 105329 and kin).
  add_compile_options(-Wno-restrict -Wno-maybe-uninitialized -Wno-mismatched-new-delete
                      -Wno-stringop-overflow -Wno-array-bounds -Wno-dangling-pointer)
  if(CMAKE_UNITY_BUILD)
    # Means headers, and takes the files of a batch for such; clang-tidy looks at headers for what it is about.
    add_compile_options(-Wno-subobject-linkage)
  endif()
endif()

set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1 -DNDEBUG")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1 -fno-omit-frame-pointer")

# What a fault may still do is bounded. The sanitizers find more, and do without. Debian's compilers make
# position-independent programs by themselves.
if(NOT PULSE_SANITIZE AND NOT PULSE_FUZZ)
  add_compile_options(-fstack-protector-strong -fstack-clash-protection)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    add_compile_options(-fcf-protection=full)
  elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
    add_compile_options(-mbranch-protection=standard)
  endif()
  add_compile_definitions(_GLIBCXX_ASSERTIONS $<$<CONFIG:RelWithDebInfo>:_FORTIFY_SOURCE=3>)
  add_link_options(-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
endif()

if(PULSE_SANITIZE)
  add_compile_options(-fsanitize=${PULSE_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${PULSE_SANITIZE})
endif()

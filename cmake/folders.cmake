# One static library for each folder under src/, in the reading order of src/layers.txt. A folder sees the
# folders before it and nothing else; tests/layers checks the includes themselves.
file(STRINGS ${CMAKE_SOURCE_DIR}/src/layers.txt PULSE_FOLDERS)

set(pulse_libraries_base Threads::Threads fmt::fmt spdlog::spdlog prometheus-cpp::core Boost::headers Boost::system OpenSSL::Crypto)
set(pulse_libraries_source PostgreSQL::PostgreSQL OpenSSL::SSL)
set(pulse_libraries_log PkgConfig::LZ4 PkgConfig::ZSTD)
set(pulse_libraries_control SQLite::SQLite3 OpenSSL::Crypto Boost::json)
set(pulse_libraries_values PkgConfig::ICU)
set(pulse_libraries_server OpenSSL::SSL ZLIB::ZLIB)
set(pulse_libraries_config PkgConfig::TOMLPP)
set(pulse_libraries_commands CLI11::CLI11)

# Folders that a build does not optimise. To optimise takes as long as to compile, where what is compiled has sanitizers in it.
set(PULSE_QUICK_FOLDERS "" CACHE STRING "Folders under src/ that are compiled without optimisation")
function(pulse_set_options folder)
  if(folder IN_LIST PULSE_QUICK_FOLDERS)
    target_compile_options(pulse_${folder} PRIVATE -O0)
  endif()
endfunction()

set(pulse_previous "")
function(pulse_add_folder folder)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${folder}/*.cpp)
  # What decides at link time (see base/failpoint.hpp) is no part of the library, and main() none of its tests'.
  list(FILTER sources EXCLUDE REGEX "/(failpoint_[a-z]+|main)\\.cpp$")
  add_library(pulse_${folder} STATIC ${sources})
  target_include_directories(pulse_${folder} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(pulse_${folder} PUBLIC ${pulse_previous} ${pulse_libraries_${folder}})
  pulse_set_options(${folder})
  if(folder MATCHES "^(app|commands)$")
    target_compile_definitions(pulse_${folder} PRIVATE PULSE_VERSION="${PROJECT_VERSION}")
  endif()
  if(PULSE_FUZZ)
    target_compile_options(pulse_${folder} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
  set(pulse_previous pulse_${folder} PARENT_SCOPE)
endfunction()

add_library(failpoints_off STATIC ${CMAKE_SOURCE_DIR}/src/base/failpoint_off.cpp)
target_include_directories(failpoints_off PUBLIC ${CMAKE_SOURCE_DIR}/src)
add_library(failpoints_kill STATIC ${CMAKE_SOURCE_DIR}/src/base/failpoint_kill.cpp)
target_include_directories(failpoints_kill PUBLIC ${CMAKE_SOURCE_DIR}/src)

# commands/ is a library too, for its tests; main.cpp alone makes the program. `pulse_failpoints` is the same program with
# crash points that integration tests set off; it is never installed.
function(pulse_add_program)
  foreach(mode off kill)
    set(name pulse)
    if(mode STREQUAL kill)
      set(name pulse_failpoints)
    endif()
    add_executable(${name} ${CMAKE_SOURCE_DIR}/src/commands/main.cpp)
    target_link_libraries(${name} PRIVATE pulse_commands failpoints_${mode})
  endforeach()
endfunction()

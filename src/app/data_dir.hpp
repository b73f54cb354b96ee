// The directory that holds everything: made for this user alone.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/error.hpp"

namespace pulse::app {

// Makes it (mode 0700) when it is missing; an empty one is closed to others. Refuses one that
// belongs to another user, and one that holds something and is open to others: its mode may be what
// something else needs.
result<void> prepare_data_dir(const std::filesystem::path& directory);

// Writes a file that only this user can read (mode 0600), replacing any.
result<void> write_private_file(const std::filesystem::path& path, const std::string& content);

// The admin API's token: the one given, else the one in `<data dir>/admin-token`, else a new one;
// written there, so that the command line finds it.
result<std::string> prepare_admin_token(const std::filesystem::path& directory,
                                        const std::string& given);
result<std::string> read_admin_token(const std::filesystem::path& directory);

// Where the server that has this directory is administered, for the command line: written at each
// start to `<data dir>/admin-url`. Nothing: it does not say.
void write_admin_url(const std::filesystem::path& directory, const std::string& url);
std::optional<std::string> read_admin_url(const std::filesystem::path& directory);

}  // namespace pulse::app

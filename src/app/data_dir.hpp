// The data directory, for this user alone.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/error.hpp"

namespace pulse::app {

// Creates it (mode 0700) if it is missing; closes an empty one to others. Refuses one that belongs
// to another user, and one that is not empty and open to others: another program may need its mode.
result<void> prepare_data_dir(const std::filesystem::path& directory);

// Writes a file that only this user can read (mode 0600), replacing any.
result<void> write_private_file(const std::filesystem::path& path, const std::string& content);

// Returns the admin API's token: the given one, else the one in `<data dir>/admin-token`, else a
// new one. Writes it there, so that the command line finds it.
result<std::string> prepare_admin_token(const std::filesystem::path& directory,
                                        const std::string& given);
result<std::string> read_admin_token(const std::filesystem::path& directory);

// The admin address for the command line, written at each start to `<data dir>/admin-url`. Nothing:
// the file does not have it.
void write_admin_url(const std::filesystem::path& directory, const std::string& url);
std::optional<std::string> read_admin_url(const std::filesystem::path& directory);

}  // namespace pulse::app

// One connection to a project's database for a command that needs nothing else of Pulse.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "config/config.hpp"
#include "source/server_checks.hpp"

namespace pulse::commands {

using findings = std::vector<source::finding>;
using database_work =
    std::function<source::async_result<findings>(source::connection*, source::source_names)>;

// Connects, runs the work with the project's names, and returns its findings. Blocks. With a limit,
// errc::unavailable if it does not finish in time: the connection is closed, and the work may or
// may not be done.
result<findings> ask_database(const config::project_config& project, database_work work,
                              std::optional<std::chrono::milliseconds> limit = std::nullopt);

bool has_failure(const findings& all);

// Prints, for people, the project's name and a line for each finding with its fix.
void print_findings(std::FILE* to, const std::string& project, const findings& all);

}  // namespace pulse::commands

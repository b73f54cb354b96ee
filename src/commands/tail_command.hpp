// `pulse tail`: prints one table's events as they are stored, for people.
#pragma once

#include <cstdint>
#include <string>

#include "commands/admin_client.hpp"

namespace pulse::commands {

struct tail_options {
  std::string project;
  std::string table;        // "name" or "schema.name"
  bool json = false;        // each event as it came, one a line
  std::uint64_t count = 0;  // ends after so many; 0: never
};

// Runs until the server or the user ends it. Gives the exit code.
int tail_table(const admin_access& access, const tail_options& options);

}  // namespace pulse::commands

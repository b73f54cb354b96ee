// `pulse keys` and `pulse streams`: they talk to a running server.
#pragma once

#include <string>

#include "commands/admin_client.hpp"

namespace pulse::commands {

// How a command prints.
struct output_choice {
  bool json = false;
  std::string file;  // for secrets: written there (mode 0600) instead of printed
};

// Each gives the exit code.
int list_keys(const admin_access& access, const std::string& project, const output_choice& output);
int create_key(const admin_access& access, const std::string& project, const std::string& label,
               const output_choice& output);
int revoke_key(const admin_access& access, const std::string& project, const std::string& id,
               const output_choice& output);
int list_streams(const admin_access& access, const std::string& project,
                 const output_choice& output);
int show_stream(const admin_access& access, const std::string& project, const std::string& table,
                const std::string& name, const output_choice& output);
int seek_stream(const admin_access& access, const std::string& project, const std::string& table,
                const std::string& name, const std::string& to, const output_choice& output);
int list_gaps(const admin_access& access, const std::string& project, const output_choice& output);
// Skips the change at this LSN, at which capture is stopped.
int skip_change(const admin_access& access, const std::string& project, const std::string& at,
                const output_choice& output);
// `by`: who accepts it, for the record.
int accept_gap(const admin_access& access, const std::string& project, const std::string& id,
               const std::string& by, const output_choice& output);
int delete_stream(const admin_access& access, const std::string& project, const std::string& table,
                  const std::string& name, const output_choice& output);

}  // namespace pulse::commands

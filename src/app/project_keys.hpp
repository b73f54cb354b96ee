// The API keys that projects have when the server starts: the user's own, or ones that are made.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "control/state_store.hpp"

namespace pulse::app {

struct new_key {
  std::string project;
  std::string secret;
};

// A project's key from the settings takes the place of the last one from there; a project without
// any valid key gets one, which is among those returned. errc::conflict: the key in the settings
// was revoked.
result<std::vector<new_key>> prepare_keys(control::state_store& store,
                                          const std::vector<config::project_config>& projects);

// Shows each to a person once; where nobody looks, into a file of its own in the data directory.
void hand_out(const std::vector<new_key>& keys, const std::filesystem::path& data_dir,
              bool only_project);

}  // namespace pulse::app

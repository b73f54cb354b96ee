// What `pulse dev` says once an application can connect.
#pragma once

#include <filesystem>
#include <string>

namespace pulse::commands {

struct dev_facts {
  std::string project;
  std::string endpoint;       // "ws://127.0.0.1:7857"
  std::string api_key;        // secret, made for this run; empty: the user has one
  std::string database;       // where it is, without a password
  std::string throwaway_url;  // secret; empty: the database is the user's own
  std::filesystem::path data_dir;
};

// Ready to copy, with the secrets that are this run's own.
std::string greeting_for_people(const dev_facts& facts);

// {"ready":{"endpoint":…,"apiKey":…|null,"databaseUrl":…|null,"dataDir":…,"project":…}}
std::string greeting_for_scripts(const dev_facts& facts);

}  // namespace pulse::commands

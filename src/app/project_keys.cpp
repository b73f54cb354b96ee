#include "app/project_keys.hpp"

#include <algorithm>
#include <cstdio>
#include <unistd.h>

#include <fmt/format.h>

#include "app/data_dir.hpp"
#include "base/logging.hpp"
#include "config/terminal.hpp"
#include "control/key_ring.hpp"

namespace pulse::app {
namespace {

result<void> adopt(control::state_store& store, const config::project_config& project,
                   const std::vector<control::api_key>& keys) {
  auto own = control::adopt_key(project.name, "from the settings", project.api_key);
  if (!own) return own.error();
  for (const auto& key : keys) {
    if (key.project != project.name || !key.id.starts_with("own-")) continue;
    if (key.id == own->stored.id && key.revoked_at) {
      return error{errc::conflict,
                   fmt::format("the API key in the settings of project {} ({}) was revoked",
                               project.name, key.id),
                   "choose another"};
    }
    if (key.id == own->stored.id || key.revoked_at) continue;
    // Another one in the settings takes the place of the last.
    if (auto revoked = store.revoke_key(project.name, key.id); !revoked) return revoked;
    log_info("server", "API key changed in the settings: the earlier key is revoked",
             {{"project", project.name}, {"key", key.id}});
  }
  return store.add_key(own->stored);
}

}  // namespace

result<std::vector<new_key>> prepare_keys(control::state_store& store,
                                          const std::vector<config::project_config>& projects) {
  const auto keys = store.keys();
  if (!keys) return keys.error();
  std::vector<new_key> made_keys;
  for (const auto& project : projects) {
    if (!project.api_key.empty()) {
      if (auto adopted = adopt(store, project, *keys); !adopted) return adopted.error();
      continue;
    }
    const bool has_key = std::ranges::any_of(*keys, [&](const auto& key) {
      return key.project == project.name && !key.revoked_at.has_value();
    });
    if (has_key) continue;
    auto made = control::make_key(project.name, "created at the first start");
    if (!made) return made.error();
    if (auto added = store.add_key(made->stored); !added) return added.error();
    made_keys.push_back({project.name, made->secret});
  }
  return made_keys;
}

void hand_out(const std::vector<new_key>& keys, const std::filesystem::path& data_dir,
              bool only_project) {
  for (const auto& key : keys) {
    if (::isatty(STDERR_FILENO) == 1) {
      config::say(stderr, "\n  API key of project {} (shown once): {}\n\n", key.project,
                  key.secret);
      continue;
    }
    // Into a pipe or a service's journal no secret is written.
    const auto path = data_dir / (only_project ? "api-key" : "api-key-" + key.project);
    if (const auto written = write_private_file(path, key.secret + "\n"); written) {
      log_info("server", "API key created: copy it from this file, then remove the file",
               {{"project", key.project}, {"file", path.string()}});
    } else {
      log_error("server", "API key not written",
                {{"project", key.project},
                 {"reason", written.error().message()},
                 {"next", "create another one with `pulse keys create`"}});
    }
  }
}

}  // namespace pulse::app

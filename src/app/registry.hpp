// What the server finds by a key or a name.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "app/project_manager.hpp"
#include "control/key_ring.hpp"
#include "server/registry.hpp"

namespace pulse::app {

// On the delivery thread. A key is known whether or not its project is there: the server refuses
// it where it is not.
class registry final : public server::service_registry {
 public:
  // Both outlive it.
  registry(const project_manager& projects, const control::key_ring& keys)
      : projects_(&projects), keys_(&keys) {}

  std::optional<server::key_identity> authenticate(std::string_view presented_key) override;
  std::shared_ptr<server::project_service> project(std::string_view name) override {
    return projects_->find(name);
  }
  std::vector<std::pair<std::string, std::shared_ptr<server::project_service>>> projects()
      override {
    return projects_->all();
  }

 private:
  const project_manager* projects_;
  const control::key_ring* keys_;
};

}  // namespace pulse::app

#include "app/registry.hpp"

namespace pulse::app {

std::optional<server::key_identity> registry::authenticate(std::string_view presented_key) {
  auto found = keys_->find(presented_key);
  if (!found) return std::nullopt;
  return server::key_identity{std::move(found->id), std::move(found->project)};
}

}  // namespace pulse::app

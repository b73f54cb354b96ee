#include "change/event.hpp"

namespace pulse {

std::string_view to_string(change_action action) noexcept {
  switch (action) {
    case change_action::create:
      return "create";
    case change_action::update:
      return "update";
    case change_action::remove:
      return "delete";
    case change_action::truncate:
      return "truncate";
  }
  return "unknown";
}

}  // namespace pulse

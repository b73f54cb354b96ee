#include "change/position.hpp"

#include <fmt/format.h>

namespace pulse {

std::string to_string(const position& at) {
  return fmt::format("{}:{}:{}:{}", at.timeline, to_string(at.commit), to_string(at.change),
                     at.ordinal);
}

}  // namespace pulse

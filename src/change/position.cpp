#include "change/position.hpp"

#include <limits>

#include <fmt/format.h>

namespace pulse {

position just_before(const position& at) {
  constexpr auto number_max = std::numeric_limits<std::uint32_t>::max();
  constexpr auto lsn_max = std::numeric_limits<std::uint64_t>::max();
  auto found = at;
  if (found.ordinal-- != 0) return found;
  found.ordinal = number_max;
  if (found.change.value-- != 0) return found;
  found.change.value = lsn_max;
  if (found.commit.value-- != 0) return found;
  found.commit.value = lsn_max;
  --found.timeline;
  return found;
}

std::string to_string(const position& at) {
  return fmt::format("{}:{}:{}:{}", at.timeline, to_string(at.commit), to_string(at.change),
                     at.ordinal);
}

}  // namespace pulse

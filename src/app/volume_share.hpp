// The default share of its volume for a project's log.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace pulse::app {

// A fifth of the volume; of more than two projects, all together half of it.
constexpr std::uint64_t share_of_volume(std::uint64_t volume_bytes, std::size_t projects) {
  return volume_bytes / std::max<std::uint64_t>(5, 2 * projects);
}

}  // namespace pulse::app

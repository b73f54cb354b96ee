// How much of its volume a project's log may take where nobody has said so.
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

#include "streams/name_state.hpp"

#include <algorithm>

#include "streams/stream_state.hpp"

namespace pulse::streams {

position name_state::reached() const {
  return active == nullptr ? cursor : std::max(cursor, active->cursor());
}

stream_state* name_state::promote() {
  if (active != nullptr) return nullptr;
  const auto next = std::ranges::find_if(
      standbys, [&](const stream_state* one) { return !reserved || one->has_reservation; });
  if (next == standbys.end()) return nullptr;
  active = *next;
  standbys.erase(next);
  return active;
}

}  // namespace pulse::streams

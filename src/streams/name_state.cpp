#include "streams/name_state.hpp"

#include <algorithm>

#include "streams/stream_state.hpp"

namespace pulse::streams {

position name_state::reached() const {
  return active == nullptr ? cursor : std::max(cursor, active->cursor());
}

stream_state* name_state::promote() {
  if (active != nullptr || standbys.empty()) return nullptr;
  active = standbys.front();
  standbys.pop_front();
  return active;
}

}  // namespace pulse::streams

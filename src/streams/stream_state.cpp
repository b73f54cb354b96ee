#include "streams/stream_state.hpp"

namespace pulse::streams {

position stream_state::cursor() const {
  if (how == delivery::standby) return name == nullptr ? position{} : name->cursor;
  if (!window.empty()) return window.cursor();
  const auto reached = std::max(window.cursor(), after);
  // Nothing in flight: a stream that keeps up has got as far as the tail, whatever its filter let
  // through.
  return tail_place == nullptr ? reached : std::max(reached, *tail_place);
}

}  // namespace pulse::streams

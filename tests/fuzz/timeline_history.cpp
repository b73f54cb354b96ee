// Arbitrary text as a server's timeline history.
#include "source/timeline_history.hpp"

#include "tests/fuzz/input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static_cast<void>(
      pulse::source::parse_timeline_history(pulse::fuzz::input(data, size).rest_as_text()));
  return 0;
}

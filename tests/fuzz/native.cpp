// Arbitrary rows of columns of every kind as native events: whatever the values are, the event is
// JSON.
#include "rendering/native_renderer.hpp"
#include "rendering/native_value.hpp"
#include "tests/fuzz/every_kind.hpp"
#include "tests/fuzz/input.hpp"

using namespace pulse;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const rendering::native_renderer renderer(fuzz::table_of_every_native_kind());
  fuzz::input bytes(data, size);
  fuzz::every_event_is_json(renderer, fuzz::rows(bytes));
  return 0;
}

// Arbitrary rows of columns of every kind: whatever the values are, the frame is JSON.
#include "rendering/renderer.hpp"
#include "tests/fuzz/every_kind.hpp"
#include "tests/fuzz/input.hpp"

namespace {

using namespace pulse;

requests::model model_of(const relation& table) {
  requests::model made;
  made.name = made.table = table.table.name;
  for (const auto& column : table.columns)
    made.fields.push_back({column.name, column.name, "", false});
  return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const rendering::renderer renderer(model_of(*fuzz::table_of_every_kind()),
                                            fuzz::table_of_every_kind());
  fuzz::input bytes(data, size);
  fuzz::every_event_is_json(renderer, fuzz::rows(bytes));
  return 0;
}

// Arbitrary rows of columns of every kind as native events: whatever the values are, the event is
// JSON.
#include <cstdlib>
#include <string>

#include <boost/json/parse.hpp>

#include "streams/native_renderer.hpp"
#include "streams/native_value.hpp"
#include "tests/fuzz/every_kind.hpp"
#include "tests/fuzz/input.hpp"

using namespace pulse;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const streams::native_renderer renderer(fuzz::table_of_every_native_kind());
  fuzz::input bytes(data, size);
  const fuzz::rows rows(bytes);
  std::string text;
  for (const auto action : {change_action::create, change_action::update, change_action::remove,
                            change_action::truncate}) {
    for (const auto kind : {old_row_kind::none, old_row_kind::key, old_row_kind::full}) {
      text.clear();
      renderer.render(rows.event(action, kind), text);
      boost::json::error_code failure;
      boost::json::parse_options options;
      // Bytes of the database pass through as they are; PostgreSQL sees to their being UTF-8.
      options.allow_invalid_utf8 = true;
      // Lists nest as deep as their text does.
      options.max_depth = 4096;
      boost::json::parse(text, failure, {}, options);
      if (failure && failure != boost::json::error::too_deep) std::abort();
    }
  }
  return 0;
}

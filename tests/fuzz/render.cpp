// Arbitrary rows of columns of every kind: whatever the values are, the frame is JSON.
#include <cstdlib>
#include <string>

#include <boost/json/parse.hpp>

#include "streams/renderer.hpp"
#include "tests/fuzz/every_kind.hpp"
#include "tests/fuzz/input.hpp"

namespace {

using namespace pulse;

streams::model model_of(const relation& table) {
  streams::model made;
  made.name = made.table = table.table.name;
  for (const auto& column : table.columns)
    made.fields.push_back({column.name, column.name, "", false});
  return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const streams::renderer renderer(model_of(*fuzz::table_of_every_kind()),
                                          fuzz::table_of_every_kind());
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
      options.max_depth = 4096;
      boost::json::parse(text, failure, {}, options);
      if (failure && failure != boost::json::error::too_deep) std::abort();
    }
  }
  return 0;
}

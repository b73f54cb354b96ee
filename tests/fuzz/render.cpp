// Arbitrary rows of columns of every kind: whatever the values are, the frame is JSON, and a filter
// can judge it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include <boost/json/parse.hpp>

#include "streams/filter.hpp"
#include "streams/renderer.hpp"

namespace {

using namespace pulse;

constexpr std::size_t kinds = static_cast<std::size_t>(value_kind::other) + 1;

std::shared_ptr<const relation> table_of_every_kind() {
  auto table = std::make_shared<relation>();
  for (std::size_t i = 0; i < kinds * 2; ++i) {
    column one;
    one.name = "c" + std::to_string(i);
    one.type.kind = static_cast<value_kind>(i % kinds);
    one.type.is_list = i >= kinds;
    one.in_identity = i % 3 == 0;
    table->columns.push_back(one);
  }
  return table;
}

streams::model model_of(const relation& table) {
  streams::model made;
  made.name = made.table = "every_kind";
  for (const auto& column : table.columns)
    made.fields.push_back({column.name, column.name, "", false});
  return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto table = table_of_every_kind();
  static const auto wanted = model_of(*table);
  static const streams::renderer renderer(wanted, table);
  const auto before = tuple_view::parse(std::as_bytes(std::span(data, size)));
  if (!before) return 0;
  const auto rest = std::as_bytes(std::span(data, size)).subspan(before->bytes().size());
  const auto after = tuple_view::parse(rest);
  event_view event;
  event.before = *before;
  event.after = after ? *after : *before;
  std::string text;
  for (const auto action : {change_action::create, change_action::update, change_action::remove,
                            change_action::truncate}) {
    for (const auto kind : {old_row_kind::none, old_row_kind::key, old_row_kind::full}) {
      event.action = action;
      event.before_kind = kind;
      text.clear();
      renderer.render(event, text);
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

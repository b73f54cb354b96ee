#include "change/relation.hpp"

#include <boost/describe/enum_to_string.hpp>

namespace pulse {

std::string_view to_string(value_kind kind) noexcept {
  return boost::describe::enum_to_string(kind, "");
}

std::optional<value_kind> value_kind_of(std::uint8_t number) noexcept {
  if (number >= value_kind_count) return std::nullopt;
  return static_cast<value_kind>(number);
}

bool column_type::operator==(const column_type& other) const = default;

std::string to_string(const table_name& table) {
  return table.schema + "." + table.name;
}

std::string quoted(const table_name& table) {
  const auto quote = [](std::string_view name) {
    std::string text = "\"";
    for (const char c : name) text += c == '"' ? std::string("\"\"") : std::string(1, c);
    return text + '"';
  };
  return quote(table.schema) + "." + quote(table.name);
}

}  // namespace pulse

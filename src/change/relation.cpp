#include "change/relation.hpp"

#include <boost/describe/enum_to_string.hpp>

#include "change/identifier.hpp"

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
  return quote_identifier(table.schema) + "." + quote_identifier(table.name);
}

}  // namespace pulse

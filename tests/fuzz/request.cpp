// Arbitrary header values: parse_request may refuse, and must not crash; what it accepts must
// compile or be refused.
#include "requests/request.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "filters/filter.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto cut = text.find('\n');
  const auto stream = cut == std::string_view::npos ? std::string_view() : text.substr(cut + 1);
  const auto request = pulse::requests::parse_request(pulse::requests::stream_mode::stream,
                                                      text.substr(0, cut), stream);
  if (!request) return 0;
  pulse::relation table;
  constexpr auto last = static_cast<std::uint8_t>(pulse::value_kind::other);
  std::uint8_t kind = 0;
  for (const auto& field : request->model.fields) {
    pulse::column column;
    column.name = field.column;
    column.type.kind = static_cast<pulse::value_kind>(kind++ % (last + 1));
    column.type.is_list = field.is_list;
    table.columns.push_back(column);
  }
  static_cast<void>(
      pulse::filters::compile_filter(request->wanted, request->model, {&table, nullptr}));
  return 0;
}

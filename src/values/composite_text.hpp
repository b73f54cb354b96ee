// PostgreSQL's text forms of composites (manual, section 8.16.6), ranges (8.17.5), multiranges and
// hstore (F.17.1), taken apart.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pulse::values {

// A part's text with quotes and backslashes taken away. Nothing: NULL, or no bound.
using part_text = std::optional<std::string>;

// "(1,\"a \"\"b\"\"\",)". Nothing when the text is no composite of `parts` attributes.
std::optional<std::vector<part_text>> split_composite(std::string_view text, std::size_t parts);

struct range_text {
  bool empty = false;
  bool lower_inclusive = false;
  bool upper_inclusive = false;
  part_text lower;
  part_text upper;
};

// "[1,10)", "empty", "(,5]". Nothing when the text is no range.
std::optional<range_text> split_range(std::string_view text);
// "{[1,3),[5,7)}"
std::optional<std::vector<range_text>> split_multirange(std::string_view text);

// "\"key\"=>\"value\", \"other\"=>NULL". Nothing when the text is no hstore.
std::optional<std::vector<std::pair<std::string, part_text>>> split_hstore(std::string_view text);

}  // namespace pulse::values

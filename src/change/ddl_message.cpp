#include "change/ddl_message.hpp"

#include <charconv>

namespace pulse {

void ddl_message::add(const ddl_message& more) {
  constexpr std::size_t tables_max = 10'000;
  tables.insert(more.tables.begin(), more.tables.end());
  if (unsent.size() <= tables_max) unsent.insert(more.unsent.begin(), more.unsent.end());
  every_table = every_table || more.every_table || tables.size() > tables_max;
  if (every_table) tables.clear();
}

ddl_message parse_ddl_message(std::string_view content, std::string_view token) {
  // As many as the triggers name.
  constexpr std::size_t tables_max = 1000;
  ddl_message message;
  bool is_ours = false;
  while (!content.empty()) {
    const auto end = content.find(' ');
    auto word = content.substr(0, end);
    content.remove_prefix(end == std::string_view::npos ? content.size() : end + 1);
    if (word.starts_with('#')) {
      is_ours = !token.empty() && word.substr(1) == token;
      continue;
    }
    const bool unsent = word.starts_with('!');
    if (unsent) word.remove_prefix(1);
    std::uint32_t oid = 0;
    const auto [rest, failed] = std::from_chars(word.data(), word.data() + word.size(), oid);
    const bool is_oid = failed == std::errc{} && rest == word.data() + word.size() && oid != 0;
    if (word == "*" || message.tables.size() == tables_max) {
      message.every_table = true;
    } else if (is_oid) {
      message.tables.insert(oid);
      if (unsent && is_ours) message.unsent.insert(oid);
    }
  }
  return message;
}

}  // namespace pulse

#include "server/admin/admin_pages.hpp"

#include <charconv>

#include "base/percent_encoding.hpp"
#include "server/http/query_string.hpp"

namespace pulse::server {
namespace {

std::optional<streams::cursor_key> parse_after(std::string_view text) {
  const auto dot = text.find('.');
  const auto slash = text.find('/');
  if (dot == std::string_view::npos || slash == std::string_view::npos || slash < dot)
    return std::nullopt;
  const auto schema = percent_decode(text.substr(0, dot));
  const auto table = percent_decode(text.substr(dot + 1, slash - dot - 1));
  const auto name = percent_decode(text.substr(slash + 1));
  if (!schema || !table || !name) return std::nullopt;
  return streams::cursor_key{{*schema, *table}, *name};
}

}  // namespace

std::optional<cursor_page> page_of(std::string_view target) {
  cursor_page page;
  page.limit = page_names_max;
  const auto query = query_string::of_target(target);
  if (!query) return std::nullopt;
  for (const auto& one : query->all()) {
    if (one.name == "after") {
      page.after = parse_after(one.raw_value);
      if (!page.after) return std::nullopt;
    } else if (one.name == "limit") {
      const auto& value = one.value;
      const auto [stop, failed] =
          std::from_chars(value.data(), value.data() + value.size(), page.limit);
      if (failed != std::errc() || stop != value.data() + value.size() || page.limit == 0 ||
          page.limit > page_names_max) {
        return std::nullopt;
      }
    }
  }
  return page;
}

std::string after_of(const streams::cursor_key& key) {
  return percent_encode(key.table.schema) + '.' + percent_encode(key.table.name) + '/' +
         percent_encode(key.name);
}

bool is_on_page(const streams::cursor_key& key, const cursor_page& page,
                const std::optional<streams::cursor_key>& last) {
  return (!page.after || key > *page.after) && (!last || key <= *last);
}

}  // namespace pulse::server

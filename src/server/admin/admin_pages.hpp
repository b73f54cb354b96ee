// Long lists of the admin API, page by page.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/admin/admin_backend.hpp"

namespace pulse::server {

// At most, and when the request says nothing.
inline constexpr std::size_t page_names_max = 1000;

// Of a request's target: ?limit=N&after={schema}.{table}/{name}, both optional and in any order,
// the names percent-encoded as in a cursor's path (an unnamed stream's is empty). Nothing: that is
// no page.
std::optional<cursor_page> page_of(std::string_view target);

// What page_of() reads as `after`.
std::string after_of(const streams::cursor_key& key);

// Whether an open stream belongs to a page that ends with `last` (nothing: it is the last one).
bool is_on_page(const streams::cursor_key& key, const cursor_page& page,
                const std::optional<streams::cursor_key>& last);

}  // namespace pulse::server

// The place of a reader that keeps its place itself, as an opaque text: `next` of a page.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "change/position.hpp"

namespace pulse::server {

struct page_place {
  position at;                                    // no event at or before it comes any more
  std::vector<std::uint64_t> accepted_gaps = {};  // ids of gaps ahead that the reader has accepted

  bool operator==(const page_place&) const = default;
};

// Gaps that one place remembers. A reader meets one after the other, and forgets
// those that it has passed: more are ahead only where tables are not sent.
inline constexpr std::size_t accepted_gaps_max = 16;

// Returns text of letters, digits, '.', '-' and '_', which read_token() of the same project takes
// back. Keeps the newest accepted_gaps_max gaps.
std::string make_token(const page_place& place, std::string_view project);

// Whether it looks like one of these: everything else that names a place begins otherwise.
bool is_token(std::string_view text);

// errc::invalid_argument: it is damaged, of another version of Pulse, or of another project.
result<page_place> read_token(std::string_view text, std::string_view project);

}  // namespace pulse::server

// The paths that a route answers: "/v1/projects/{project}/cursors/{schema}.{table}/{name}".
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace pulse::server {

// Segments of a path that are looked at; a path with more matches nothing.
inline constexpr std::size_t path_segments_max = 16;

// Returns what stands between the slashes of a path, still percent-encoded: none of "/".
std::vector<std::string_view> path_segments(std::string_view path);

// Each segment is a literal, one parameter in braces, or two parameters with a dot between them.
class path_pattern {
 public:
  explicit path_pattern(std::string_view text);

  const std::string& text() const { return text_; }
  // In the order of the pattern, without braces.
  const std::vector<std::string>& parameters() const { return parameters_; }

  // Whether the path has the pattern's literals where they belong, and something for each
  // parameter.
  bool matches(const std::vector<std::string_view>& path) const;
  // Returns the parameters' values, percent-decoded, of a path that matches. Of two in one segment
  // the first ends at the first dot: one within a name is written %2E. errc::invalid_argument says
  // which is not encoded as it should be, or is missing.
  result<std::vector<std::string>> read(const std::vector<std::string_view>& path) const;
  // Whether there is a path that both match.
  bool overlaps(const path_pattern& other) const;
  // Returns the pattern with this path's segments in place of its parameters, as far as the path
  // reaches.
  std::string filled_with(const std::vector<std::string_view>& path) const;

 private:
  struct segment {
    std::string literal;         // empty: parameters
    std::size_t parameters = 0;  // 1 or 2 then
  };
  std::string text_;
  std::vector<segment> segments_;
  std::vector<std::string> parameters_;
};

}  // namespace pulse::server

#include "server/http/path_pattern.hpp"

#include <boost/assert.hpp>

#include "base/percent_encoding.hpp"

namespace pulse::server {
namespace {

// "{schema}.{table}" → "schema", "table".
std::vector<std::string> names_in_braces(std::string_view segment) {
  std::vector<std::string> names;
  while (segment.starts_with('{')) {
    const auto end = segment.find('}');
    BOOST_ASSERT(end != std::string_view::npos);
    names.emplace_back(segment.substr(1, end - 1));
    segment.remove_prefix(end + 1);
    if (segment.starts_with('.')) segment.remove_prefix(1);
  }
  BOOST_ASSERT(segment.empty() && names.size() <= 2);
  return names;
}

}  // namespace

std::vector<std::string_view> path_segments(std::string_view path) {
  std::vector<std::string_view> all;
  if (path.starts_with('/')) path.remove_prefix(1);
  while (!path.empty() && all.size() <= path_segments_max) {
    const auto slash = path.find('/');
    all.push_back(path.substr(0, slash));
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  }
  return all;
}

path_pattern::path_pattern(std::string_view text) : text_(text) {
  for (const auto one : path_segments(text_)) {
    if (!one.starts_with('{')) {
      segments_.push_back({std::string(one)});
      continue;
    }
    auto names = names_in_braces(one);
    segments_.push_back({{}, names.size()});
    for (auto& name : names) parameters_.push_back(std::move(name));
  }
  BOOST_ASSERT(segments_.size() <= path_segments_max);
}

bool path_pattern::matches(const std::vector<std::string_view>& path) const {
  if (path.size() != segments_.size()) return false;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const auto& wanted = segments_[i];
    if (wanted.literal.empty() ? path[i].empty() : path[i] != wanted.literal) return false;
  }
  return true;
}

result<std::vector<std::string>> path_pattern::read(
    const std::vector<std::string_view>& path) const {
  std::vector<std::string> values;
  for (std::size_t i = 0; i < path.size(); ++i) {
    auto rest = path[i];
    for (auto left = segments_[i].parameters; left != 0; --left) {
      const auto end = left == 1 ? std::string_view::npos : rest.find('.');
      const auto value = percent_decode(rest.substr(0, end));
      // A segment without a dot has no second value.
      const bool ends_early = left != 1 && end == std::string_view::npos;
      rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
      if (!value || value->empty() || ends_early) {
        return error{errc::invalid_argument,
                     "'" + parameters_[values.size()] + "' cannot be read from the path " + text_,
                     "percent-encode the names; a dot within a schema or table name is %2E"};
      }
      values.push_back(*value);
    }
  }
  return values;
}

bool path_pattern::overlaps(const path_pattern& other) const {
  if (segments_.size() != other.segments_.size()) return false;
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    const auto& mine = segments_[i].literal;
    const auto& theirs = other.segments_[i].literal;
    if (!mine.empty() && !theirs.empty() && mine != theirs) return false;
  }
  return true;
}

std::string path_pattern::filled_with(const std::vector<std::string_view>& path) const {
  const auto own = path_segments(text_);
  std::string filled;
  for (std::size_t i = 0; i < own.size(); ++i) {
    const bool takes_theirs = segments_[i].parameters != 0 && i < path.size();
    filled += '/';
    filled += takes_theirs ? path[i] : own[i];
  }
  return filled.empty() ? "/" : filled;
}

}  // namespace pulse::server

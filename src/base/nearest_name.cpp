#include "base/nearest_name.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>

namespace pulse {

std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates) {
  const auto distance = [&](std::string_view other) {
    std::vector<std::size_t> row(other.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= name.size(); ++i) {
      auto diagonal = row[0];
      row[0] = i;
      for (std::size_t j = 1; j <= other.size(); ++j) {
        const auto above = row[j];
        row[j] = std::min(
            {row[j - 1] + 1, above + 1, diagonal + (name[i - 1] == other[j - 1] ? 0U : 1U)});
        diagonal = above;
      }
    }
    return row.back();
  };
  const auto best = std::ranges::min_element(candidates, {}, distance);
  return best != candidates.end() && distance(*best) <= std::max<std::size_t>(2, name.size() / 3)
             ? *best
             : std::string();
}

}  // namespace pulse

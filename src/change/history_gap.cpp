#include "change/history_gap.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace pulse {
namespace {

constexpr std::array<std::pair<gap_kind, std::string_view>, 10> names{{
    {gap_kind::slot_missing, "slot_missing"},
    {gap_kind::slot_lost, "slot_lost"},
    {gap_kind::slot_ahead, "slot_ahead"},
    {gap_kind::log_lost, "log_lost"},
    {gap_kind::forked, "forked"},
    {gap_kind::set_back, "set_back"},
    {gap_kind::another_database, "another_database"},
    {gap_kind::skipped, "skipped"},
    {gap_kind::damaged, "damaged"},
    {gap_kind::unpublished, "unpublished"},
}};

}  // namespace

std::string_view to_string(gap_kind kind) noexcept {
  return std::ranges::find(names, kind, &std::pair<gap_kind, std::string_view>::first)->second;
}

std::optional<gap_kind> parse_gap_kind(std::string_view text) noexcept {
  const auto* found =
      std::ranges::find(names, text, &std::pair<gap_kind, std::string_view>::second);
  return found == names.end() ? std::nullopt : std::optional(found->first);
}

}  // namespace pulse

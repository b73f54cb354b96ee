#include "filters/event_values.hpp"

namespace pulse::filters {

void event_values::look_at(const event_view& event) {
  const bool same = event.sequence != 0 && event.sequence == event_.sequence;
  const bool moved = event.before.bytes().data() != event_.before.bytes().data() ||
                     event.after.bytes().data() != event_.after.bytes().data();
  event_ = event;
  if (same && !moved) return;
  if (same) {
    for (auto& one : known_) {
      const auto value = filter_row::of(event_, one.side).at(one.column, one.in_identity);
      if (value && one.value) one.value->value_ = *value;
    }
    return;
  }
  for (const auto& one : known_) number_of_[static_cast<std::size_t>(one.side)][one.column] = 0;
  known_.clear();
  made_ = 0;
}

judged_value* event_values::at(row_side side, std::size_t column, bool in_identity) {
  auto& numbers = number_of_[static_cast<std::size_t>(side)];
  if (column >= numbers.size()) numbers.resize(column + 1);
  auto& number = numbers[column];
  if (number == 0) {
    auto& made = known_.emplace_back(known_column{side, column, in_identity, std::nullopt});
    if (const auto value = filter_row::of(event_, side).at(column, in_identity))
      made.value.emplace(*value, work_);
    number = known_.size();
  }
  auto& value = known_[number - 1].value;
  return value ? &*value : nullptr;
}

}  // namespace pulse::filters

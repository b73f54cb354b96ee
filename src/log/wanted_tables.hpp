// Of which tables a reader wants events.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "change/event.hpp"

namespace pulse::log {

// One table, several, or all: what comes is in the log's order, whatever table it is of. Immutable.
class wanted_tables {
 public:
  static wanted_tables all() { return wanted_tables(0); }
  // 0: all. A table's number says what is wanted, so it may stand for it.
  wanted_tables(table_id one) : one_(one) {}  // NOLINT(google-explicit-constructor)
  explicit wanted_tables(std::vector<table_id> several) : several_(std::move(several)) {
    std::ranges::sort(several_);
    const auto doubles = std::ranges::unique(several_);
    several_.erase(doubles.begin(), doubles.end());
    one_ = several_.size() == 1 ? several_.front() : no_table;
  }

  bool wants_all() const { return one_ == 0; }
  bool contains(table_id table) const {
    return one_ == table || one_ == 0 ||
           (one_ == no_table && std::ranges::binary_search(several_, table));
  }
  // Whether one of `tables`, which are sorted, is wanted.
  bool contains_any(const std::vector<table_id>& tables) const {
    return std::ranges::any_of(tables, [&](table_id table) { return contains(table); });
  }

 private:
  static constexpr table_id no_table = ~table_id{0};

  table_id one_;
  std::vector<table_id> several_;  // sorted
};

}  // namespace pulse::log

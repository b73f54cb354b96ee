// Finds the streams of a table that an event could concern.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "change/event.hpp"
#include "filters/filter.hpp"

namespace pulse::filters {

// Names a stream that is open in a hub. Never used twice.
enum class stream_id : std::uint64_t {};

// The filters of many streams on one version of a table. Some filters can only match if a column
// has one of some values: equality and `in`, wherever the filter demands them. The index finds
// these by their values, so that an event is evaluated only by filters that it could match. One
// owner; not thread-safe.
class filter_index {
 public:
  // All filters must be compiled for the same version of the table.
  void add(stream_id stream, const filter& wanted);
  // `wanted`: the filter that it was added with.
  void remove(stream_id stream, const filter& wanted);

  // Appends every stream whose filter could match, each once:
  // - those found by the event's values;
  // - those whose filter demands no value;
  // - those whose demanded value is not in the event, or too large (text_form::bytes_max).
  // `values`: those of the event.
  void find(const event_view& event, event_values& values, std::vector<stream_id>& to) const;

 private:
  using streams = std::vector<stream_id>;
  struct by_column {
    index_terms which;  // without its keys
    std::unordered_map<std::string, streams> by_value;
    std::unordered_set<stream_id> all;
  };
  struct by_kind {
    streams always;
    std::vector<by_column> columns;
  };

  by_kind& of(change_action action) { return kinds_[static_cast<std::size_t>(action)]; }
  static by_column& column(by_kind& kind, const index_terms& terms);
  static void find_by_value(const by_column& column, event_values& values, streams& to);

  std::array<by_kind, 5> kinds_;  // by the number of the action
};

}  // namespace pulse::filters

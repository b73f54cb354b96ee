// Events that are a function of their number, and what a reader gives of them.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "change/event.hpp"
#include "log/event_log.hpp"

namespace pulse::testing {

// One row of two text columns, as pgoutput sends it.
inline std::string text_tuple(const std::vector<std::string>& values) {
  std::string tuple;
  append_big(tuple, static_cast<std::uint16_t>(values.size()));
  for (const auto& value : values) {
    tuple += 't';
    append_big(tuple, static_cast<std::uint32_t>(value.size()));
    tuple += value;
  }
  return tuple;
}

// The n-th event of a made-up history: transactions of seven changes, three tables in turn, rows of
// varying size, a TRUNCATE now and then.
class test_event {
 public:
  explicit test_event(std::uint32_t n)
      : number_(n),
        row_(is_truncate(n)
                 ? std::string()
                 : text_tuple({std::to_string(n),
                               std::string(n * 37 % 400, static_cast<char>('a' + n % 26))})) {}

  static bool is_truncate(std::uint32_t n) { return n % 11 == 5; }

  event_view view() const {
    const auto transaction = number_ / 7;
    event_view event;
    event.at = {1, lsn{1000 + std::uint64_t{transaction} * 100}, lsn{900 + std::uint64_t{number_}},
                number_ % 3};
    event.id = make_event_id(1700000000000 + transaction, event.at.commit, number_);
    event.committed_at = unix_time_us(std::chrono::milliseconds(1700000000000 + transaction));
    event.relation = 1 + number_ % 3;
    event.table = 1 + number_ % 3;
    event.action = is_truncate(number_) ? change_action::truncate : change_action::create;
    event.after = tuple_view::trusted(as_byte_view(row_));
    return event;
  }
  const std::string& payload() const { return row_; }

 private:
  std::uint32_t number_;
  std::string row_;
};

struct read_event {
  event_sequence sequence = 0;
  event_id id;
  position at;
  table_id table = 0;
  change_action action = change_action::create;
  std::string payload;
};

// Everything up to the durable end. Throws when reading fails.
inline std::vector<read_event> collect(log::log_reader& reader) {
  std::vector<read_event> events;
  for (;;) {
    const auto read = reader.next();
    if (!read) throw std::runtime_error(read.error().message());
    if (*read == nullptr) return events;
    const auto& event = **read;
    events.push_back({event.sequence, event.id, event.at, event.table, event.action,
                      std::string(as_text(event.after.bytes()))});
  }
}

// The same by a reader that may look at so many bytes at a time; how often it paused.
struct read_in_portions {
  std::vector<read_event> events;
  std::size_t pauses = 0;
};
inline read_in_portions collect(log::log_reader& reader, std::uint64_t bytes_a_portion) {
  read_in_portions all;
  for (;; ++all.pauses) {
    reader.allow(bytes_a_portion);
    for (auto& one : collect(reader)) all.events.push_back(std::move(one));
    if (!reader.paused()) return all;
  }
}

inline std::vector<event_sequence> sequences(const std::vector<read_event>& events) {
  std::vector<event_sequence> numbers;
  numbers.reserve(events.size());
  for (const auto& event : events) numbers.push_back(event.sequence);
  return numbers;
}

}  // namespace pulse::testing

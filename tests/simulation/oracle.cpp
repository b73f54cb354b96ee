#include "tests/simulation/oracle.hpp"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <utility>

#include "log/segment_log.hpp"

namespace pulse::simulation {

oracle::oracle(const scripted_server& server, log::segment_log_options options,
               const std::vector<std::uint32_t>& tables_of_consumers)
    : server_(&server), options_(std::move(options)), rows_(fake_database::table_count) {
  for (const auto table : tables_of_consumers) {
    consumers_.emplace_back();
    consumers_.back().table = table;
  }
}

// FNV-1a.
void oracle::note(std::string_view seen) {
  if (tells_) std::cerr << seen << '\n';
  for (const auto one : seen)
    digest_ = (digest_ ^ static_cast<unsigned char>(one)) * 1099511628211ULL;
}

void oracle::report(std::string problem) {
  if (problem_.empty()) problem_ = std::move(problem);
}

void oracle::committed() {
  const auto& transaction = server_->database().history().back();
  note("committed " + to_string(transaction.commit));
  add(transaction);
}

void oracle::add(const fake_transaction& transaction) {
  const auto timeline = server_->database().branches().at(transaction.commit);
  lsn record;
  std::uint32_t ordinal = 0;
  for (const auto& one : transaction.rows) {
    ordinal = one.at == record ? ordinal + 1 : 0;
    record = one.at;
    auto& rows = rows_[one.tables.front()];
    numbers_[one.key] = rows.size();
    rows.push_back({one.key, {timeline, transaction.commit, one.at, ordinal}});
  }
}

void oracle::promoted() {
  const auto& fork = server_->database().branches().left.back();
  note("promoted at " + to_string(fork.switch_point));
  // Of another standby also what had vanished with the promotion of the first.
  const auto before = std::exchange(rows_, decltype(rows_)(rows_.size()));
  numbers_.clear();
  for (const auto& transaction : server_->database().history()) add(transaction);
  for (const auto& rows : before) {
    for (const auto& one : rows) vanished_.emplace(one.key, one.at);
  }
  for (const auto& [key, number] : numbers_) vanished_.erase(key);
  for (auto& one : consumers_) {
    const auto& rows = rows_[one.table];
    const auto same =
        std::ranges::mismatch(rows, before[one.table], {}, &row::key, &row::key).in1 - rows.begin();
    one.had_before = std::min(one.had_before, static_cast<std::size_t>(same));
    one.done_before = std::min(one.done_before, static_cast<std::size_t>(same));
    one.judged = std::min(one.judged, static_cast<std::size_t>(same));
  }
}

void oracle::compared() {
  for (auto& one : consumers_) one.judged = ~std::size_t{0};
}

// Read by a log of its own from a copy that holds nothing but what was synced.
void oracle::look_at_disk() {
  auto options = options_;
  options.stepped.emplace([] { return true; });
  const auto found = log::segment_log::open(log::testing::open_disk(disk_->durable()), options);
  if (!found) return report("what is durable cannot be read: " + found.error().message());
  const auto bounds = (*found)->bounds();
  durable_id_ = std::max(durable_id_, bounds.last_id);
  durable_mark_ = std::max(durable_mark_, position{bounds.timeline, bounds.covered_through, {}, 0});
}

bool oracle::excused(const consumer& by, const row& one) const {
  return one.at <= begins_ || one.at <= by.begins ||
         std::ranges::any_of(gaps_, [&](const history_gap& gap) {
           return one.at > gap.after && (!gap.through || one.at <= *gap.through);
         });
}

bool oracle::known_to_have_vanished(const std::string& key) const {
  const auto found = vanished_.find(key);
  return found != vanished_.end() && std::ranges::any_of(gaps_, [&](const history_gap& gap) {
           return gap.kind == gap_kind::forked && found->second > gap.after &&
                  (!gap.through || found->second <= *gap.through);
         });
}

void oracle::expect_had_before(consumer& one, std::size_t end) {
  const auto& rows = rows_[one.table];
  for (; one.had_before < end; ++one.had_before) {
    const auto& before = rows[one.had_before];
    if (!one.had.contains(before.key) && !excused(one, before))
      return report("the row " + before.key + " at " + to_string(before.at) + " is missing");
  }
}

void oracle::begins_at(std::size_t number, const position& at) {
  note(std::to_string(number) + " begins at " + to_string(at));
  auto& one = consumers_[number];
  const auto& rows = rows_[one.table];
  const auto first = std::ranges::find_if(rows, [&](const row& each) { return each.at > at; });
  one.begins = at;
  one.had.clear();
  one.done.clear();
  one.had_before = one.done_before = static_cast<std::size_t>(first - rows.begin());
}

void oracle::delivered(std::size_t number, const std::string& key, const event_id& id) {
  note(std::to_string(number) + " has " + key + " as " + to_string(id));
  if (id > durable_id_) look_at_disk();
  if (id > durable_id_) report("the row " + key + " was delivered and is not durable");
  const auto [known, is_first] = ids_.emplace(key, id);
  if (!is_first && known->second != id)
    report("the row " + key + " came as " + to_string(known->second) + " and as " + to_string(id));
  auto& one = consumers_[number];
  one.had.insert(key);
  const auto place = numbers_.find(key);
  if (place != numbers_.end()) {
    if (const auto at = rows_[one.table][place->second].at; at <= one.begins)
      report("the row " + key + " at " + to_string(at) + " is from before the stream's beginning");
    return expect_had_before(one, place->second);
  }
  // Before the fork was found nobody could know better.
  if (known_to_have_vanished(key)) report("the row " + key + " was delivered, and never happened");
}

void oracle::acknowledged(std::size_t number, const std::string& key) {
  note(std::to_string(number) + " acknowledges " + key);
  consumers_[number].done.insert(key);
}

void oracle::cursor_saved(std::size_t number, const position& at) {
  note(std::to_string(number) + " is at " + to_string(at));
  auto& one = consumers_[number];
  const auto& rows = rows_[one.table];
  const auto end = std::min(rows.size(), one.judged);
  for (; one.done_before < end && rows[one.done_before].at <= at; ++one.done_before) {
    const auto& passed = rows[one.done_before];
    if (!one.done.contains(passed.key) && !excused(one, passed))
      return report("a cursor has passed the row " + passed.key + ", which nobody acknowledged");
  }
}

void oracle::confirmed(lsn flushed) {
  note("confirmed " + to_string(flushed));
  // The end of the record before it: of a fork, still on the timeline that was left.
  const auto& branches = server_->database().branches();
  const position mark{branches.at(lsn{flushed.value - 1}), flushed, {}, 0};
  if (mark > durable_mark_) look_at_disk();
  if (mark > durable_mark_)
    report("confirmed through " + to_string(mark) + ", and durable is " + to_string(durable_mark_));
}

void oracle::gaps_recorded(const std::vector<history_gap>& gaps) {
  gaps_ = gaps;
  for (const auto& gap : gaps)
    note("gap after " + to_string(gap.after) + ": " + std::string(to_string(gap.kind)));
  if (gaps_.size() > server_->harms())
    report("a gap was recorded of which nobody knows: " + gaps_.back().reason);
}

void oracle::at_rest() {
  for (auto& one : consumers_) {
    expect_had_before(one, rows_[one.table].size());
    cursor_saved(static_cast<std::size_t>(&one - consumers_.data()), position{~0U, {}, {}, 0});
  }
}

}  // namespace pulse::simulation

#include "tests/simulation/oracle.hpp"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <utility>

#include "log/segment_log.hpp"

namespace pulse::simulation {

oracle::oracle(const scripted_server& server, log::segment_log_options options,
               const std::vector<std::uint32_t>& tables_of_consumers)
    : server_(&server), options_(std::move(options)), promised_(server) {
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
  promised_.committed(transaction);
}

void oracle::history_changed(std::string_view how) {
  note(how);
  promised_.history_changed();
}

void oracle::way_begins(const position& to) {
  note("what is stored begins at " + to_string(to));
  promised_.will_begin(to);
  // A first start that was interrupted has promised nothing, and somebody has read from its slot.
  if (const auto slot = server_->slot(); slot && durable_mark() == position{})
    begins_ = std::max(begins_, position{to.timeline, slot->confirmed_flush, {}, 0});
  // What was not streamed from in between was not captured.
  if (std::exchange(on_the_way_, true) || followed_.empty()) return;
  left_.erase(followed_);
  if (source::identity_of(server_->identity()) != followed_)
    left_[followed_] = {durable_mark(), times_left_};
}

// Of a database that was captured before, and whose slot stands where it stood, nothing is missing,
// and nothing comes twice.
void oracle::expect_read_on() {
  const auto known = left_.find(source::identity_of(server_->identity()));
  const auto slot = server_->slot();
  if (known == left_.end() || !slot || slot->confirmed_flush > known->second.mark.commit ||
      server_->database().times_left() != known->second.times_left)
    return;
  if (promised_.begins().commit != known->second.mark.commit)
    report("a database is read on from " + to_string(promised_.begins()) + ", and was left at " +
           to_string(known->second.mark));
}

// What is behind a gap's end is stored, and nothing that is stored from now on is in one.
void oracle::expect_gaps_end_before(const position& start) {
  for (const auto& gap : gaps_) {
    if (!gap.through || *gap.through > std::max(start, gap.after))
      report("the gap after " + to_string(gap.after) + " reaches beyond " + to_string(start) +
             ", where capture goes on");
  }
}

void oracle::follows(std::uint32_t timeline_base, lsn from) {
  note("follows with base " + std::to_string(timeline_base));
  const auto found = source::identity_of(server_->identity());
  if (!followed_.empty() && found != followed_) expect_read_on();
  followed_ = found;
  on_the_way_ = false;
  times_left_ = server_->database().times_left();
  if (promised_.would_number_anew(timeline_base)) look_at_disk();
  const auto in_gap = [this](const position& at) { return lost(at); };
  const auto same = promised_.follow(timeline_base, in_gap, durable_id_);
  for (auto& one : consumers_) {
    one.had_before = std::min(one.had_before, same[one.table]);
    one.done_before = std::min(one.done_before, same[one.table]);
  }
  expect_gaps_end_before(promised_.numbered(from));
}

const position& oracle::durable_mark() {
  look_at_disk();
  return durable_mark_;
}

// Read by a log of its own from a copy that holds nothing but what was synced.
void oracle::look_at_disk() {
  auto options = options_;
  options.stepped.emplace([] { return true; });
  const auto found = log::segment_log::open(log::testing::open_disk(disk_->durable()), options);
  if (!found) return report("what is durable cannot be read: " + found.error().message());
  const auto bounds = (*found)->bounds();
  durable_id_ = std::max(durable_id_, bounds.last_id);
  durable_mark_ = std::max(durable_mark_, bounds.mark());
}

bool oracle::lost(const position& at) const {
  return std::ranges::any_of(gaps_, [&](const history_gap& gap) {
    return at > gap.after && (!gap.through || at <= *gap.through);
  });
}

bool oracle::excused(const consumer& by, const promised_rows::row& one) const {
  return one.at <= begins_ || one.at <= by.begins || lost(one.at);
}

bool oracle::known_to_have_vanished(const std::string& key) const {
  const auto* at = promised_.vanished(key);
  return at != nullptr && std::ranges::any_of(gaps_, [&](const history_gap& gap) {
           return gap.kind == gap_kind::forked && *at > gap.after &&
                  (!gap.through || *at <= *gap.through);
         });
}

void oracle::expect_had_before(consumer& one, std::size_t end) {
  const auto& rows = promised_.of(one.table);
  for (; one.had_before < end; ++one.had_before) {
    const auto& before = rows[one.had_before];
    if (!one.had.contains(before.key) && !excused(one, before))
      return report("the row " + before.key + " at " + to_string(before.at) + " is missing");
  }
}

void oracle::begins_at(std::size_t number, const position& at) {
  note(std::to_string(number) + " begins at " + to_string(at));
  auto& one = consumers_[number];
  const auto& rows = promised_.of(one.table);
  const auto first = std::ranges::find_if(rows, [&](const auto& each) { return each.at > at; });
  one.begins = at;
  one.had.clear();
  one.done.clear();
  one.had_before = one.done_before = static_cast<std::size_t>(first - rows.begin());
}

void oracle::delivered(std::size_t number, const std::string& key, const event_id& id) {
  note(std::to_string(number) + " has " + key + " as " + to_string(id));
  if (id > durable_id_) look_at_disk();
  if (id > durable_id_) report("the row " + key + " was delivered and is not durable");
  auto& one = consumers_[number];
  one.had.insert(key);
  const auto* place = promised_.place(key);
  const auto* promised = place == nullptr ? nullptr : &promised_.of(one.table)[*place];
  expect_one_id(key, promised == nullptr ? nullptr : &promised->at, id);
  // Before the fork was found nobody could know better.
  if (promised == nullptr && known_to_have_vanished(key))
    report("the row " + key + " was delivered, and never happened");
  // Captured again, or the event of before it was.
  if (promised == nullptr || promised->numbering != promised_.numbering_of(id)) return;
  if (promised->at <= one.begins) {
    report("the row " + key + " at " + to_string(promised->at) +
           " is from before the stream's beginning");
  }
  expect_had_before(one, *place);
}

// Only what the history has behind the place where it began to be numbered anew is captured again.
void oracle::expect_one_id(const std::string& key, const position* at, const event_id& id) {
  auto& known = ids_[key];
  const auto numbering = promised_.numbering_of(id);
  known.emplace(numbering, id);
  for (const auto& [number, other] : known) {
    if (other == id) continue;
    const auto later = promised_.numbering_begins(std::max(number, numbering));
    const bool may_come_again = number != numbering && (at == nullptr || at->commit > later);
    if (!may_come_again)
      report("the row " + key + " came as " + to_string(other) + " and as " + to_string(id));
  }
}

void oracle::acknowledged(std::size_t number, const std::string& key) {
  note(std::to_string(number) + " acknowledges " + key);
  consumers_[number].done.insert(key);
}

void oracle::cursor_saved(std::size_t number, const position& at) {
  note(std::to_string(number) + " is at " + to_string(at));
  auto& one = consumers_[number];
  const auto& rows = promised_.of(one.table);
  for (; one.done_before < rows.size() && rows[one.done_before].at <= at; ++one.done_before) {
    const auto& passed = rows[one.done_before];
    if (!one.done.contains(passed.key) && !excused(one, passed))
      return report("a cursor has passed the row " + passed.key + ", which nobody acknowledged");
  }
}

void oracle::confirmed(lsn flushed) {
  note("confirmed " + to_string(flushed));
  // The end of the record before it: of a fork, still on the timeline that was left.
  auto mark = promised_.numbered(lsn{flushed.value - 1});
  mark.commit = flushed;
  if (mark > durable_mark_) look_at_disk();
  if (mark > durable_mark_)
    report("confirmed through " + to_string(mark) + ", and durable is " + to_string(durable_mark_));
}

void oracle::gaps_recorded(const std::vector<history_gap>& gaps) {
  const auto known = std::exchange(gaps_, gaps);
  for (const auto& gap : gaps) {
    note("gap after " + to_string(gap.after) + ": " + std::string(to_string(gap.kind)));
    // What forked was stored in vain.
    const bool is_new = std::ranges::find(known, gap.after, &history_gap::after) == known.end();
    if (is_new && gap.kind != gap_kind::forked && gap.after < durable_mark())
      report("a gap begins at " + to_string(gap.after) + ", and all is stored up to " +
             to_string(durable_mark_));
  }
  if (gaps_.size() > server_->harms())
    report("a gap was recorded of which nobody knows: " + gaps_.back().reason);
}

void oracle::at_rest() {
  for (auto& one : consumers_) {
    expect_had_before(one, promised_.of(one.table).size());
    cursor_saved(static_cast<std::size_t>(&one - consumers_.data()), position{~0U, {}, {}, 0});
  }
}

}  // namespace pulse::simulation

#include "source/visibility_gate.hpp"

#include <algorithm>
#include <utility>

namespace pulse::source {

void visibility_gate::begin(const position& stored, time_point now) {
  if (stored == position{}) return;
  newest_ = stored;
  wait_for({.through = stored, .by = transaction::known_by::nothing}, now);
}

void visibility_gate::wait_for(transaction one, time_point now) {
  if (waiting_.empty()) unanswered_since_ = first_since_ = now;
  waiting_.push_back(one);
}

void visibility_gate::add(std::uint32_t xid, const position& through, time_point now) {
  if (through <= newest_) return;
  newest_ = through;
  if (blind_ && without_answer_ == without_answer::go_on) {
    passed_ = through;
    ++unverified_;
    return;
  }
  // While much is caught up with, an answer is good for thousands of transactions to come.
  if (waiting_.empty() && last_answer_ && now - answered_at_ < answer_age_max &&
      last_answer_->sees(xid)) {
    passed_ = through;
    return;
  }
  using known_by = transaction::known_by;
  if (waiting_.size() < waiting_max || waiting_.back().by == known_by::nothing)
    return wait_for({.through = through, .xid = xid}, now);
  auto& last = waiting_.back();
  last.through = through;
  last.by = known_by::highest_id;
  // Modulo 2^32, as transaction ids are compared.
  if (static_cast<std::int32_t>(xid - last.xid) > 0) last.xid = xid;
}

void visibility_gate::follow(const log_origin& whose, time_point now) {
  id_space ids{whose.database, whose.timeline_base, whose.history.current};
  const bool others = followed_ && *followed_ != ids;
  last_answer_.reset();
  followed_ = std::move(ids);
  // An id that a question has taken is in no WAL: a server that has crashed gives it again, and one
  // that does nothing else does not come to where ids ended.
  for (auto& one : waiting_) one.ends_before = 0;
  if (!others || waiting_.empty()) return;
  const auto through = waiting_.back().through;
  waiting_.clear();
  wait_for({.through = through, .by = transaction::known_by::nothing}, now);
}

// Such transactions stand before all others: whatever comes is behind them.
bool visibility_gate::asks_for_end() const {
  return waits() && waiting_.front().by == transaction::known_by::nothing &&
         waiting_.front().ends_before == 0;
}

bool visibility_gate::is_passed(transaction& one, const snapshot& seen, time_point now) {
  switch (one.by) {
    case transaction::known_by::id:
      return seen.sees(one.xid);
    case transaction::known_by::highest_id:
      return seen.all_ended_through(one.xid);
    case transaction::known_by::nothing:
      break;
  }
  if (one.ends_before == 0) {
    if (seen.begun_before == 0) return false;
    one.ends_before = seen.begun_before;
    if (one.first_seen == time_point{}) one.first_seen = now;
  }
  if (seen.xmin >= one.ends_before) return true;
  if (without_answer_ == without_answer::hold || now - one.first_seen < unknown_timeout)
    return false;
  ++unverified_;
  return true;
}

// What is visible behind one that is not passes with that one: only those wait that are not
// visible, as many as the server has transactions open at most.
bool visibility_gate::see(const snapshot& seen, time_point now) {
  blind_ = false;
  unanswered_since_ = answered_at_ = now;
  last_answer_ = seen;
  std::size_t kept = 0;
  bool risen = false;
  for (auto& one : waiting_) {
    if (!is_passed(one, seen, now)) {
      waiting_[kept++] = one;
    } else if (kept == 0) {
      passed_ = one.through;
      risen = true;
    } else {
      waiting_[kept - 1].through = one.through;
    }
  }
  waiting_.resize(kept);
  if (risen) first_since_ = now;
  return risen;
}

std::optional<visibility_gate::time_point> visibility_gate::deadline() const {
  if (waiting_.empty() || blind_) return std::nullopt;
  return unanswered_since_ + answer_timeout;
}

bool visibility_gate::look_at_time(time_point now) {
  const auto at = deadline();
  if (!at || now < *at) return false;
  blind_ = true;
  if (without_answer_ == without_answer::hold) return false;
  unverified_ += waiting_.size();
  passed_ = waiting_.back().through;
  waiting_.clear();
  return true;
}

std::chrono::steady_clock::duration visibility_gate::waited(time_point now) const {
  return waiting_.empty() ? std::chrono::steady_clock::duration{} : now - first_since_;
}

question_pace::duration question_pace::next(bool passed, duration waited) {
  constexpr duration first = std::chrono::microseconds(50);
  constexpr duration most = std::chrono::milliseconds(2);
  // A commit that waits for a standby may take hours: a hundredth of what it has taken adds little.
  constexpr duration most_of_all = std::chrono::milliseconds(50);
  const auto limit = std::clamp(waited / 100, most, most_of_all);
  step_ = passed || step_ == duration{} ? first : std::min(step_ * 2, limit);
  return step_;
}

}  // namespace pulse::source

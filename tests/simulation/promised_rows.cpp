#include "tests/simulation/promised_rows.hpp"

#include <algorithm>
#include <utility>

namespace pulse::simulation {

const std::size_t* promised_rows::place(const std::string& key) const {
  const auto found = places_.find(key);
  return found == places_.end() ? nullptr : &found->second;
}

const position* promised_rows::vanished(const std::string& key) const {
  const auto found = vanished_.find(key);
  return found == vanished_.end() ? nullptr : &found->second;
}

position promised_rows::numbered(lsn place) const {
  const auto timeline = server_->database().branches().at(place);
  return {timeline + numberings_.back().base, place, {}, 0};
}

void promised_rows::committed(const fake_transaction& transaction) {
  if (is_current_) add(transaction, false);
}

void promised_rows::add(const fake_transaction& transaction, bool new_ones_only) {
  auto at = numbered(transaction.commit);
  for (const auto& one : transaction.rows) {
    at.ordinal = one.at == at.change ? at.ordinal + 1 : 0;
    at.change = one.at;
    if (new_ones_only && places_.contains(one.key)) continue;
    auto& rows = rows_[one.tables.front()];
    places_[one.key] = rows.size();
    rows.push_back({one.key, at, numberings_.size() - 1});
  }
}

void promised_rows::history_changed() {
  is_current_ = false;
  if (identity() != followed_) return;
  std::unordered_map<std::string, position> gone;
  for (const auto& rows : rows_) {
    for (const auto& one : rows) {
      if (one.numbering == numberings_.size() - 1) gone.emplace(one.key, one.at);
    }
  }
  for (const auto& transaction : server_->database().history()) {
    for (const auto& one : transaction.rows) {
      gone.erase(one.key);
      // Of another standby also what had vanished with the promotion of the first.
      vanished_.erase(one.key);
    }
  }
  vanished_.merge(gone);
}

bool promised_rows::would_number_anew(std::uint32_t base) const {
  return !followed_.empty() && (base != numberings_.back().base || identity() != followed_);
}

std::vector<std::size_t> promised_rows::follow(std::uint32_t base, const in_gap& lost,
                                               const event_id& stored_last) {
  std::vector<std::size_t> same(rows_.size());
  std::ranges::transform(rows_, same.begin(), &std::vector<row>::size);
  const bool anew = would_number_anew(base);
  if (is_current_ && !anew && !followed_.empty()) return same;
  if (anew) numberings_.push_back({base, begins_.commit, stored_last});
  // Nothing was promised of what another database had before anything was captured.
  if (followed_.empty()) numberings_.back() = {base, begins_.commit, stored_last};
  followed_ = identity();
  is_current_ = true;

  std::unordered_map<std::string, lsn> commits;
  for (const auto& transaction : server_->database().history()) {
    for (const auto& one : transaction.rows) commits.emplace(one.key, transaction.commit);
  }
  const auto comes_again = [&](const row& one) {
    const auto found = commits.find(one.key);
    return found != commits.end() && found->second > begins_.commit && lost(one.at);
  };
  const auto before = std::exchange(rows_, decltype(rows_)(rows_.size()));
  places_.clear();
  const auto current = numberings_.size() - 1;
  for (std::size_t table = 0; table < before.size(); ++table) {
    for (const auto& one : before[table]) {
      if (one.numbering == current || comes_again(one)) continue;
      places_[one.key] = rows_[table].size();
      rows_[table].push_back(one);
    }
  }
  for (const auto& transaction : server_->database().history()) add(transaction, true);
  for (std::size_t table = 0; table < before.size(); ++table) {
    const auto other = std::ranges::mismatch(rows_[table], before[table]);
    same[table] = static_cast<std::size_t>(other.in1 - rows_[table].begin());
  }
  return same;
}

std::size_t promised_rows::numbering_of(const event_id& id) const {
  auto number = numberings_.size() - 1;
  while (number != 0 && id <= numberings_[number].behind) --number;
  return number;
}

}  // namespace pulse::simulation

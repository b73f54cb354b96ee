#include "source/unsendable.hpp"

#include <algorithm>
#include <utility>

namespace pulse::source {
namespace {

// XLogPageHeaderData and XLogLongPageHeaderData, aligned to 8 bytes.
constexpr std::uint64_t page_header_bytes = 24;
constexpr std::uint64_t segment_header_bytes = 40;

bool may_be_over_by_itself(std::string_view sqlstate) {
  return sqlstate.starts_with("53") || sqlstate.starts_with("57") || sqlstate.starts_with("08");
}

// The last word of the line that is an LSN. Its last digit may be followed by punctuation.
std::optional<lsn> last_lsn(std::string_view line) {
  constexpr std::string_view digits = "0123456789ABCDEFabcdef";
  const auto slash = line.rfind('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto before = line.substr(0, slash).find_last_not_of(digits);
  const auto begin = before == std::string_view::npos ? 0 : before + 1;
  const auto end = std::min(line.find_first_not_of(digits, slash + 1), line.size());
  const auto found = parse_lsn(line.substr(begin, end - begin));
  return found && *found ? found : std::nullopt;
}

}  // namespace

std::optional<send_failure> find_send_failure(const last_words& said, std::string_view slot) {
  if (may_be_over_by_itself(said.sqlstate)) return std::nullopt;
  std::string_view left = said.context;
  while (!left.empty()) {
    const auto line = left.substr(0, left.find('\n'));
    left.remove_prefix(std::min(left.size(), line.size() + 1));
    const auto name = line.find(slot);
    if (slot.empty() || name == std::string_view::npos) continue;
    // The slot's own name may hold anything that a callback's name does.
    const auto rest = line.substr(name + slot.size());
    const auto at = last_lsn(rest);
    if (at) return send_failure{*at, rest.find("stream_") != std::string_view::npos};
  }
  return std::nullopt;
}

void obstacle_watch::refused(const send_failure& where, std::optional<lsn> commit,
                             std::string problem) {
  if (where.streamed) {
    allows_streaming_ = false;
    return;
  }
  const bool again =
      tries_ != 0 && known_.how == obstacle::kind::refused && known_.at == where.change;
  count({obstacle::kind::refused, where.change, commit, std::move(problem)}, again);
}

void obstacle_watch::crashed(lsn received, std::optional<lsn> commit, std::string problem) {
  // A crash in a transaction in progress is one that PostgreSQL may never have to send.
  allows_streaming_ = false;
  const bool again = tries_ != 0 && known_.how == obstacle::kind::crashed && received <= known_.at;
  const auto at = again ? known_.at : received;
  count({obstacle::kind::crashed, at, commit, std::move(problem)}, again);
}

void obstacle_watch::count(obstacle found, bool again) {
  known_ = std::move(found);
  tries_ = again ? std::min(tries_ + 1, tries_max) : 1;
}

lsn record_after(lsn end, std::uint64_t page_bytes, std::uint64_t segment_bytes) {
  if (end.value % segment_bytes == 0) return {end.value + segment_header_bytes};
  if (end.value % page_bytes == 0) return {end.value + page_header_bytes};
  return end;
}

std::optional<lsn> failure_search::next() const {
  if (passes_ >= end_) return std::nullopt;
  if (!fails_) return lsn{std::min(passes_.value + step_, end_.value)};
  if (found()) return std::nullopt;
  return lsn{passes_.value + (fails_->value - passes_.value) / 2};
}

void failure_search::answer(lsn asked, bool failed) {
  if (failed) {
    fails_ = asked;
  } else {
    passes_ = asked;
  }
  step_ *= 2;
}

std::optional<lsn> failure_search::found() const {
  return fails_ && passes_.value + 1 == fails_->value ? fails_ : std::nullopt;
}

}  // namespace pulse::source

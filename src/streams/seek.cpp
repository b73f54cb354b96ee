#include "streams/seek.hpp"

#include <charconv>
#include <chrono>
#include <functional>
#include <optional>

#include <fmt/format.h>

namespace pulse::streams {
namespace {

__extension__ using wide = unsigned __int128;

// Commits on one line, so that a middle can be taken: timelines first, as positions are ordered.
wide commit_number(const position& at) {
  return (static_cast<wide>(at.timeline) << 64U) | at.commit.value;
}

// Before every change of this commit.
position before_commit(wide number) {
  return {
      static_cast<std::uint32_t>(number >> 64U), lsn{static_cast<std::uint64_t>(number)}, {}, 0};
}

using reached = std::function<bool(const event_view&)>;

// The end of what comes before the first event for which `is_reached` holds; that of all events
// when it holds for none. It must hold for every event behind one for which it holds.
result<position> end_before(const log::event_log& log, const reached& is_reached) {
  const auto bounds = log.bounds();
  auto low = commit_number(bounds.dropped_through);
  auto high = commit_number(bounds.last_at);
  // Invariant: what is reached first is not in a commit before `low`.
  while (low < high) {
    const auto middle = low + (high - low + 1) / 2;
    const auto reader = log.read(std::max(before_commit(middle), bounds.dropped_through), 0);
    const auto read = reader->next();
    if (!read) return read.error();
    if (*read != nullptr && !is_reached(**read)) {
      low = std::max(middle, commit_number((*read)->at));
    } else {
      high = middle - 1;
    }
  }
  auto end = std::max(before_commit(low), bounds.dropped_through);
  const auto reader = log.read(end, 0);
  for (;;) {
    const auto read = reader->next();
    if (!read) return read.error();
    if (*read == nullptr || is_reached(**read)) return end;
    end = (*read)->at;
  }
}

// Two digits or more at `at`, of exactly `size`; moves `at` behind them.
std::optional<int> digits(std::string_view text, std::size_t& at, std::size_t size) {
  if (text.size() - at < size) return std::nullopt;
  int value = 0;
  const auto part = text.substr(at, size);
  const auto [end, failure] = std::from_chars(part.data(), part.data() + part.size(), value);
  if (failure != std::errc() || end != part.data() + part.size() || part.front() == '-')
    return std::nullopt;
  at += size;
  return value;
}

bool skip(std::string_view text, std::size_t& at, char expected) {
  if (at >= text.size() || text[at] != expected) return false;
  ++at;
  return true;
}

// RFC 3339, section 5.6: "date T time offset".
std::optional<unix_time_us> parse_time(std::string_view text) {
  namespace chrono = std::chrono;
  std::size_t at = 0;
  const auto year = digits(text, at, 4);
  if (!year || !skip(text, at, '-')) return std::nullopt;
  const auto month = digits(text, at, 2);
  if (!month || !skip(text, at, '-')) return std::nullopt;
  const auto day = digits(text, at, 2);
  if (!day || (!skip(text, at, 'T') && !skip(text, at, ' '))) return std::nullopt;
  const auto hour = digits(text, at, 2);
  if (!hour || !skip(text, at, ':')) return std::nullopt;
  const auto minute = digits(text, at, 2);
  if (!minute || !skip(text, at, ':')) return std::nullopt;
  const auto second = digits(text, at, 2);
  if (!second || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
  const chrono::year_month_day date(chrono::year(*year),
                                    chrono::month(static_cast<unsigned>(*month)),
                                    chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok()) return std::nullopt;
  chrono::microseconds fraction{0};
  if (skip(text, at, '.')) {
    const auto begin = at;
    for (auto unit = 100'000; at < text.size() && text[at] >= '0' && text[at] <= '9'; unit /= 10)
      fraction += chrono::microseconds((text[at++] - '0') * unit);
    if (at == begin) return std::nullopt;
  }
  chrono::minutes offset{0};
  if (!skip(text, at, 'Z')) {
    const bool west = skip(text, at, '-');
    if (!west && !skip(text, at, '+')) return std::nullopt;
    const auto hours = digits(text, at, 2);
    if (!hours || !skip(text, at, ':')) return std::nullopt;
    const auto minutes = digits(text, at, 2);
    if (!minutes || *hours > 23 || *minutes > 59) return std::nullopt;
    offset = chrono::minutes((*hours * 60 + *minutes) * (west ? -1 : 1));
  }
  if (at != text.size()) return std::nullopt;
  return unix_time_us(chrono::sys_days(date)) + chrono::hours(*hour) + chrono::minutes(*minute) +
         chrono::seconds(*second) + fraction - offset;
}

error dropped(std::string_view wanted, const log::log_bounds& bounds) {
  return {errc::gap,
          fmt::format(
              "cannot seek to {}: retention has dropped events there, and the log starts after {}",
              wanted, to_string(bounds.dropped_through)),
          "seek to `beginning` for all stored events"};
}

}  // namespace

result<seek_target> parse_seek_target(std::string_view text) {
  if (text == "beginning") return seek_target(log_beginning{});
  if (text == "end") return seek_target(log_end{});
  if (const auto place = parse_lsn(text)) return seek_target(*place);
  if (const auto id = parse_event_id(text)) return seek_target(*id);
  if (const auto time = parse_time(text)) return seek_target(*time);
  return error{
      errc::invalid_argument, fmt::format("'{}' is not a valid seek target", text.substr(0, 80)),
      "use beginning, end, a time (2026-05-28T12:00:00Z), an LSN (0/16B3748) or an event's id"};
}

result<position> find_position(const log::event_log& log, const seek_target& target,
                               const timelines& history) {
  const auto bounds = log.bounds();
  if (std::holds_alternative<log_beginning>(target)) return bounds.dropped_through;
  if (std::holds_alternative<log_end>(target)) return std::max(bounds.last_at, bounds.mark());
  // Of what has been dropped only the end is known: a target there may or may not have been met.
  const auto complete = [&](result<position> found, std::string_view wanted,
                            bool within_kept) -> result<position> {
    if (!found || bounds.dropped_through == position{} || *found != bounds.dropped_through ||
        within_kept) {
      return found;
    }
    return dropped(wanted, bounds);
  };
  if (const auto* after = std::get_if<lsn>(&target)) {
    const auto timeline = history.current == 0 ? bounds.timeline : history.at(*after);
    const auto commit = commit_number({timeline, *after, {}, 0});
    return complete(
        end_before(log, [&](const event_view& one) { return commit_number(one.at) >= commit; }),
        "the LSN", commit > commit_number(bounds.dropped_through));
  }
  if (const auto* id = std::get_if<event_id>(&target)) {
    auto exact = false;
    auto found = end_before(log, [&](const event_view& one) {
      exact = exact || one.id == *id;
      return one.id >= *id;
    });
    return complete(std::move(found), "the event's id", exact);
  }
  const auto time_ms = std::chrono::floor<std::chrono::milliseconds>(
                           std::get<unix_time_us>(target).time_since_epoch())
                           .count();
  return complete(end_before(log,
                             [&](const event_view& one) {
                               return static_cast<std::int64_t>(one.id.time_ms()) >= time_ms;
                             }),
                  "the time", false);
}

result<position> find_read_start(const log::event_log& log, const seek_target& target,
                                 const timelines& history) {
  auto before = find_position(log, target, history);
  const auto* id = std::get_if<event_id>(&target);
  if (!before || id == nullptr) return before;
  const auto reader = log.read(*before, log::wanted_tables::all());
  const auto read = reader->next();
  if (!read) return read.error();
  return *read != nullptr && (*read)->id == *id ? (*read)->at : *before;
}

}  // namespace pulse::streams

#include "streams/lease_book.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "base/logging.hpp"
#include "base/shown_numbers.hpp"
#include "streams/lease_batch.hpp"
#include "streams/lease_token.hpp"

namespace pulse::streams {
namespace {}  // namespace

lease_book::lease_book(parts with, const lease_limits& limits)
    : with_(std::move(with)),
      limits_(limits),
      held_(with_.figures->gauge(metric::leases_held, with_.project)),
      fenced_total_(with_.figures->counter(metric::leases_fenced, with_.project)) {}

void lease_book::restore(const cursor_key& key, std::string_view text) {
  const auto stored = parse_lease(text);
  if (!stored) {
    return log_error("streams", "stored lease unreadable: it is over, and its events come again",
                     {{"project", with_.project},
                      {"table", to_string(key.table)},
                      {"stream", key.name},
                      {"reason", stored.error().message()}});
  }
  const auto now = with_.clock->now();
  if (stored->token_hash.empty() || stored->expires_at <= now) return;
  if (!with_.streams->reserve(key, holder_kind::pull, stored->since)) return;
  auto made = std::make_shared<lease>();
  made->key = key;
  made->token_hash = stored->token_hash;
  made->since = stored->since;
  made->length = stored->length;
  made->expires_at = std::min<unix_time_us>(stored->expires_at, now + stored->length);
  made->deadline = with_.clock->steady_now() + (made->expires_at - now);
  made->outstanding = stored->outstanding;
  made->stored = true;
  add(made);
}

void lease_book::add(const lease_pointer& one) {
  by_token_[one->token_hash] = one;
  by_key_[one->key] = one;
  show();
}

lease_refusal lease_book::fenced() const {
  fenced_total_.Increment();
  return {lease_problem::fenced,
          {errc::conflict,
           "the lease of this token is over, and the name may have been served to somebody else; "
           "nothing was moved",
           "pull without a token: what was not acknowledged comes again"}};
}

lease_result<lease_pointer> lease_book::find(std::string_view name, std::string_view token) {
  const auto found = by_token_.find(hash_lease_token(token));
  if (found == by_token_.end() || found->second->key.name != name) return fenced();
  auto one = found->second;
  if (!one->over && !is_still_held(*one)) {
    forget(one);
    return fenced();
  }
  if (!one->over && !one->waiting && one->has_expired(*with_.clock)) expire(one);
  if (is_still_held(*one)) return one;
  forget(one);
  return fenced();
}

// A name that was moved has lost its reservation, and its stream.
bool lease_book::is_still_held(const lease& one) const {
  const auto holder = with_.streams->holder(one.key);
  if (one.over) return !holder && one.turn != 0 && with_.streams->turn(one.key) == one.turn;
  if (one.batch && !one.batch->end()) return true;
  return holder && holder->kind == holder_kind::pull && holder->since == one.since;
}

bool lease_book::revive(lease& one) {
  if (!one.over) return true;
  if (!with_.streams->reserve(one.key, holder_kind::pull, one.since)) return false;
  one.over = false;
  --over_count_;
  std::erase_if(over_, [&](const auto& other) { return other.lock().get() == &one; });
  show();
  return true;
}

lease_result<lease_pointer> lease_book::begin(const cursor_key& key, filters::stream_id stream,
                                              std::string_view token, std::chrono::seconds length) {
  // Whoever had one before is fenced: somebody else is served.
  if (const auto before = by_key_.find(key); before != by_key_.end()) forget(before->second);
  if (!make_room()) {
    return lease_refusal{
        lease_problem::failed,
        {errc::unavailable,
         "the project has reached its limit of leases (" + shown_count(limits_.leases_max) + ")",
         "release some, or try again when some have expired"}};
  }
  const auto holder = with_.streams->holder(key);
  auto made = std::make_shared<lease>();
  made->key = key;
  made->token_hash = hash_lease_token(token);
  made->since = holder ? holder->since : with_.clock->now();
  made->length = length;
  made->stream = stream;
  made->renew(*with_.clock, length);
  add(made);
  return made;
}

// Those that are over are there for late acknowledgements only: the oldest give way.
bool lease_book::make_room() {
  while (by_key_.size() >= limits_.leases_max && !over_.empty()) {
    const auto oldest = over_.front().lock();
    over_.pop_front();
    if (oldest && oldest->over) forget(oldest);
  }
  return by_key_.size() < limits_.leases_max;
}

std::size_t lease_book::acknowledge(lease& of, const lease_acknowledgement& what) {
  const std::set<event_id> ids(what.ids.begin(), what.ids.end());
  return std::erase_if(of.outstanding, [&](const outstanding_event& one) {
    const bool is_through = what.through && one.id <= *what.through;
    if (!is_through && !ids.contains(one.id)) return false;
    with_.streams->acknowledge(of.key, one.id);
    return true;
  });
}

void lease_book::save(const lease_pointer& one, bool released,
                      std::function<void(result<void>)> done) {
  stored_lease stored;
  if (!released && !one->over) {
    stored.token_hash = one->token_hash;
    stored.since = one->since;
    stored.expires_at = one->expires_at;
    stored.length = one->length;
    stored.outstanding = one->outstanding;
  }
  stored.acknowledged = with_.streams->acknowledged_ahead(one->key);
  with_.streams->save(one->key, to_text(stored), std::move(done));
}

void lease_book::erase_stored(const lease& one) {
  if (by_key_.contains(one.key)) return;
  stored_lease nothing;
  nothing.acknowledged = with_.streams->acknowledged_ahead(one.key);
  with_.streams->save(one.key, to_text(nothing), [](const result<void>&) {});
}

void lease_book::close_stream(lease& one) {
  if (!one.batch) return;
  one.batch.reset();
  with_.streams->close(one.stream);
  one.has_lost_events = false;
}

void lease_book::end(const lease_pointer& one) {
  const auto key = one->key;
  const bool has_name = !one->over && is_still_held(*one);
  forget(one);
  if (has_name) with_.streams->release(key);
}

void lease_book::forget(const lease_pointer& known) {
  // `known` may be this book's own.
  const auto one = known;  // NOLINT(performance-unnecessary-copy-initialization)
  // Once.
  if (by_token_.erase(one->token_hash) == 0) return;
  if (const auto found = by_key_.find(one->key); found != by_key_.end() && found->second == one)
    by_key_.erase(found);
  if (one->over) --over_count_;
  close_stream(*one);
  show();
}

void lease_book::expire(const lease_pointer& one) {
  if (!one->outstanding.empty()) {
    log_info("streams", "lease expired: its events go to whoever is next",
             {{"project", with_.project},
              {"table", to_string(one->key.table)},
              {"stream", one->key.name},
              {"outstanding_events", one->outstanding.size()}});
  }
  close_stream(*one);
  one->over = true;
  ++over_count_;
  one->turn = with_.streams->turn(one->key);
  over_.push_back(one);
  // Not waited for: if it does not become durable, the text says itself until when it is one.
  save(one, true, [](const result<void>&) {});
  with_.streams->release(one->key);
  show();
}

void lease_book::follow(const std::vector<table_rename>& renamed) {
  std::vector<lease_pointer> moved;
  std::erase_if(by_key_, [&](const auto& entry) {
    const auto found = std::ranges::find(renamed, entry.first.table, &table_rename::from);
    if (found == renamed.end()) return false;
    entry.second->key.table = found->to;
    moved.push_back(entry.second);
    return true;
  });
  for (const auto& one : moved) {
    const auto [placed, is_new] = by_key_.emplace(one->key, one);
    if (is_new) continue;
    // As the hub does: the name that was there stays; one that is no more gives way.
    const auto other = placed->second;
    if (is_still_held(*other)) {
      forget(one);
    } else {
      forget(other);
      by_key_[one->key] = one;
    }
  }
}

void lease_book::tick() {
  std::vector<lease_pointer> expired;
  std::vector<lease_pointer> lost;
  for (const auto& [key, one] : by_key_) {
    if (one->waiting) continue;
    if (!is_still_held(*one)) {
      lost.push_back(one);
    } else if (!one->over && one->has_expired(*with_.clock)) {
      expired.push_back(one);
    }
  }
  for (const auto& one : lost) forget(one);
  for (const auto& one : expired) expire(one);
  std::erase_if(over_, [](const auto& one) { return one.expired(); });
}

std::optional<unix_time_us> lease_book::expiry(const cursor_key& key) const {
  const auto found = by_key_.find(key);
  if (found == by_key_.end() || found->second->over) return std::nullopt;
  return found->second->expires_at;
}

void lease_book::show() const {
  held_.Set(static_cast<double>(by_key_.size() - over_count_));
}

}  // namespace pulse::streams

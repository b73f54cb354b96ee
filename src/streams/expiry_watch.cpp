#include "streams/expiry_watch.hpp"

#include <utility>

#include <boost/asio/post.hpp>

namespace pulse::streams {
namespace {

// Names looked at in one turn: each reads the log at one place, and others have their turn between.
constexpr std::size_t names_watched_a_turn = 16;

}  // namespace

expiry_watch::expiry_watch(const hub::parts& with, cursor_book& book)
    : with_(&with),
      book_(&book),
      search_(*with.log),
      near_(with.figures->gauge(metric::cursors_near_expiry, with.project)) {}

void expiry_watch::look(const position& soon) {
  if (std::exchange(looking_, true)) return;
  soon_ = soon;
  near_count_ = 0;
  for (const auto& [key, name] : book_->names()) {
    if (!name->opening && !name->abandoned && name->reached() < soon) names_.push_back(name);
  }
  look_at_some();
}

void expiry_watch::look_at_some() {
  auto bytes = searched_bytes_a_turn;
  for (std::size_t i = 0; i < names_watched_a_turn && !names_.empty(); ++i) {
    const auto name = names_.back().lock();
    const auto waits = name ? waits_for_expiring(*name, bytes) : false;
    if (!waits) break;
    names_.pop_back();
    if (*waits) ++near_count_;
  }
  if (names_.empty()) {
    near_.Set(static_cast<double>(near_count_));
    looking_ = false;
    return;
  }
  boost::asio::post(with_->executor, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->look_at_some();
  });
}

// A name on a quiet table is behind and loses nothing: retention moves it on. One before what has
// been dropped has expired, which pulse_cursors_expired_total counts, and a log that cannot be read
// is counted by its readers.
std::optional<bool> expiry_watch::waits_for_expiring(name_state& name, std::uint64_t& bytes) {
  const auto at = name.reached();
  if (name.abandoned || at >= soon_ || at < with_->log->bounds().dropped_through) return false;
  if (name.table == 0) book_->find_table(name);
  if (name.table == 0) return false;
  const auto found = search_.look({at, soon_, name.table}, bytes);
  return found ? *found : false;
}

}  // namespace pulse::streams

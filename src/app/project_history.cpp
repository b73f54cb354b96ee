#include "app/project_history.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>

namespace pulse::app {

project_history::project_history(boost::asio::any_io_executor delivery, capture::capture& from,
                                 const log::event_log& log, const log::readable_end* end,
                                 const timelines& followed)
    : delivery_(std::move(delivery)),
      capture_(&from),
      log_(&log),
      followed_(&followed),
      waits_(log, end) {}

bool project_history::has_passed(const position& cursor, const position& through) const {
  return cursor >= std::min(through, log_->bounds().last_at);
}

std::optional<position> project_history::place(lsn at) const {
  if (followed_->current != 0) return followed_->place(at);
  // Without event persistence the history is not stored.
  const auto timeline = log_->bounds().timeline;
  if (timeline == 0) return std::nullopt;
  return position{timeline, at, {}, 0};
}

void project_history::find_transaction(std::uint64_t xid,
                                       std::function<void(result<transaction_place>)> done) {
  // Nothing of whoever asks is left with the capture thread.
  capture_->find_transaction(xid, [delivery = delivery_, done = std::move(done)](
                                      const result<transaction_place>& found) mutable {
    boost::asio::post(delivery, [done = std::move(done), found] { done(found); });
  });
}

}  // namespace pulse::app

// Changes that cannot be decoded, and the operator's word to go on without one.
#include <algorithm>

#include <boost/asio/post.hpp>

#include "base/logging.hpp"
#include "capture/capture_session.hpp"

namespace pulse::capture {

namespace asio = boost::asio;

void capture::start_decoding() {
  stands_at_.reset();
  std::vector<pgoutput::change_place> skipped;
  for (const auto& at : with_.skipped) {
    if (at.timeline == with_.whose.history.at(at.commit))
      skipped.push_back({at.commit, at.change, at.ordinal});
  }
  decoder_.reset(std::move(skipped), [this](const pgoutput::change_place&, const error& why) {
    skipped_.Increment();
    log_warning("capture", "change skipped: an operator requested it",
                {{"project", with_.project.name}, {"reason", why.what}});
  });
}

void capture::note_failure(const error& why) {
  const auto& failed = decoder_.failed_change();
  if (!failed) return;
  const auto& place = failed->place;
  stands_at_ = {{with_.whose.history.at(place.commit), place.commit, place.change, place.ordinal},
                failed->relation_oid ? ingest_.table(*failed->relation_oid) : 0,
                why.what};
}

void capture::skip(lsn change, std::function<void(result<history_gap>)> done) {
  asio::post(context_, [this, change, done = std::move(done)] {
    if (stopping_) return done(error{errc::cancelled, "stopping", {}});
    if (obstacles_.standing() != nullptr) return order_to_pass(change, done);
    if (!stands_at_) {
      return done(error{errc::conflict,
                        "capture is not stopped at a change that it cannot decode, or that "
                        "PostgreSQL cannot send",
                        "read the state of the project in /capturez"});
    }
    const auto at = stands_at_->at;
    if (at.change != change) return done(stands_elsewhere(at.change, change));
    history_gap gap;
    gap.kind = gap_kind::skipped;
    // All that was committed before the change, of the same transaction too, is on this side of it.
    gap.after = just_before(at);
    gap.through = at;
    if (stands_at_->table != 0) gap.tables = {stands_at_->table};
    gap.reason = "an operator skipped a change that could not be decoded: " + stands_at_->problem;
    // First the record: by the time that anything behind the change is appended, the streams know.
    with_.record_gap(gap, [this, at, gap, done](const result<void>& recorded) {
      asio::post(context_, [this, at, gap, done, recorded] {
        if (!recorded) return done(recorded.error());
        if (std::ranges::find(with_.skipped, at) == with_.skipped.end())
          with_.skipped.push_back(at);
        stands_at_.reset();
        pause_timer_.cancel();
        done(gap);
      });
    });
  });
}

}  // namespace pulse::capture

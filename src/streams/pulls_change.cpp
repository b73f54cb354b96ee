// What a lease's holder does between two pulls: acknowledge, extend, release.
#include <utility>

#include "streams/pulls.hpp"

namespace pulse::streams {

void pulls::change(const lease_change& what,
                   std::function<void(lease_result<lease_changed>)> done) {
  const auto found = book_.find(what.name, what.token);
  if (!found) return done(found.error());
  const auto& lease = *found;
  lease_changed changed;
  changed.acknowledged = book_.acknowledge(*lease, what.acknowledged);
  if (what.extend && !what.release) {
    if (!book_.revive(*lease)) return done(book_.fenced());
    lease->length = *what.extend;
    lease->renew(*with_.clock, lease->length);
  }
  if (!lease->over && !what.release) changed.expires_at = lease->expires_at;
  book_.save(
      lease, what.release,
      [weak = weak_from_this(), lease, changed, release = what.release,
       done = std::move(done)](const result<void>& outcome) {
        const auto self = weak.lock();
        if (!self) return;
        if (!outcome) {
          if (!self->book_.is_still_held(*lease)) return done(self->book_.fenced());
          return done(lease_refusal{
              lease_problem::failed,
              {errc::unavailable,
               "the acknowledgement could not be stored: " + outcome.error().what, "try again"}});
        }
        if (release) {
          if (const auto waits = lease->waiting) self->refuse(waits, self->book_.fenced());
          self->book_.end(lease);
        }
        done(changed);
      });
}

}  // namespace pulse::streams

#include "streams/pulls.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>

#include "streams/lease_token.hpp"

namespace pulse::streams {
namespace {

using std::chrono::milliseconds;

// Pulls that wait are looked at this often: for the end of their time, and for whether they have
// their name now.
constexpr milliseconds waiting_interval{100};
// Pulls for which there may be more at hand: what they have is answered once it has been read, or
// after `gathering_max`.
constexpr milliseconds looking_interval{5};
constexpr milliseconds gathering_max{50};
// How much longer than it wanted to wait a pull without an event is looked for one in what is
// stored.
constexpr milliseconds searching_max{1000};

lease_refusal failed(error why) {
  return {lease_problem::failed, std::move(why)};
}

lease_refusal replaced() {
  return {lease_problem::replaced,
          {errc::conflict, "another pull came with the same token, and was answered instead",
           "send one pull at a time"}};
}

}  // namespace

struct pull {
  pull_request request;
  pulls::answer_pull answer;
  std::string token;
  lease_pointer held;  // null: it waits in the line for the name
  std::shared_ptr<lease_batch> batch;
  filters::stream_id stream{};
  cursor_key key;          // once it is open
  bool opening = false;    // the opener has not answered yet
  bool over = false;       // it waits for nothing any more
  bool abandoned = false;  // nobody waits for its answer
  std::chrono::steady_clock::time_point wait_until{};
  std::optional<std::chrono::steady_clock::time_point> first_event_at;
};

pulls::pulls(parts with, const lease_limits& limits)
    : with_(std::move(with)),
      limits_(limits),
      book_({with_.streams, with_.clock, with_.figures, with_.project}, limits),
      timer_(with_.executor),
      waiting_figure_(with_.figures->gauge(metric::pulls_waiting, with_.project)) {}

// Each of the two holds the other while it waits.
pulls::~pulls() {
  for (const auto& one : waiting_) {
    if (one->held) one->held->waiting.reset();
  }
}

std::shared_ptr<pull> pulls::start(pull_request request, answer_pull done) {
  auto one = std::make_shared<pull>();
  one->request = std::move(request);
  one->answer = std::move(done);
  one->wait_until = with_.clock->steady_now() + one->request.wait;
  waiting_.insert(one);
  waiting_figure_.Set(static_cast<double>(waiting_.size()));
  if (one->request.token) {
    continue_lease(one);
  } else {
    open(one);
  }
  return one;
}

void pulls::continue_lease(const pull_pointer& one) {
  const auto& wanted = one->request;
  const auto found = book_.find(wanted.wanted.name, *wanted.token);
  if (!found) return refuse(one, found.error());
  const auto& lease = *found;
  if (!book_.revive(*lease)) return refuse(one, book_.fenced());
  if (const auto before = lease->waiting) refuse(before, replaced());
  book_.acknowledge(*lease, wanted.acknowledged);
  lease->renew(*with_.clock, wanted.wait + wanted.length);
  lease->waiting = one;
  one->held = lease;
  one->token = *wanted.token;
  const bool goes_on = lease->batch && !lease->batch->end() && !lease->has_lost_events &&
                       lease->outstanding.empty() && lease->asked == wanted.asked;
  if (!goes_on) {
    // What is outstanding comes again, in order, and before anything else.
    book_.close_stream(*lease);
    return open(one);
  }
  one->batch = lease->batch;
  one->stream = lease->stream;
  one->key = lease->key;
  accept(one);
  with_.streams->writable(one->stream);
  watch(one);
  watch_end(one);
}

void pulls::open(const pull_pointer& one) {
  one->batch = std::make_shared<lease_batch>(gathered_bytes_);
  accept(one);
  stream_opening what;
  what.wanted = one->request.wanted;
  what.to = one->batch;
  what.kind = holder_kind::pull;
  what.window_events_max = limits_.batch_events_max;
  what.window_bytes_max = limits_.batch_bytes_max;
  if (one->held) {
    what.has_reservation = true;
    what.only_as = one->held->key;
  }
  one->opening = true;
  one->request.open(std::move(what),
                    [weak = weak_from_this(), one](const std::optional<opened_for_lease>& stream) {
                      if (const auto self = weak.lock()) self->opened(one, stream);
                    });
}

void pulls::opened(const pull_pointer& one, const std::optional<opened_for_lease>& stream) {
  one->opening = false;
  if (!stream) return abandon(one);
  if (one->over) return with_.streams->close(stream->stream);
  if (const auto lease = one->held; lease && !book_.is_still_held(*lease)) {
    with_.streams->close(stream->stream);
    refuse(one, book_.fenced());
    return book_.forget(lease);
  }
  one->stream = stream->stream;
  one->key = stream->key;
  if (one->held) {
    one->held->batch = one->batch;
    one->held->stream = one->stream;
    one->held->asked = one->request.asked;
  }
  watch(one);
  watch_end(one);
}

// Once a stream, however many pulls it takes until the end: each brings an end of its own.
void pulls::watch_end(const pull_pointer& one) {
  const auto& until = one->request.until;
  if (!until || !ends_watched_.insert(one->stream).second) return;
  with_.streams->when_passed(one->stream, *until, [weak = weak_from_this(), id = one->stream] {
    if (const auto self = weak.lock()) self->end_passed(id);
  });
}

void pulls::end_passed(filters::stream_id stream) {
  ends_watched_.erase(stream);
  const auto found = std::ranges::find_if(
      waiting_, [&](const pull_pointer& one) { return one->stream == stream && !one->opening; });
  if (found == waiting_.end() || !(*found)->request.until) return;
  const auto place = with_.streams->place(stream);
  if (place && place->passed < *(*found)->request.until) return watch_end(*found);
  watch(*found);
}

void pulls::accept(const pull_pointer& one) {
  const auto& wanted = one->request;
  one->batch->accept(
      {std::min(wanted.events_max, limits_.batch_events_max),
       std::min(wanted.bytes_max, limits_.batch_bytes_max), limits_.gathered_bytes_max},
      [weak = weak_from_this(), waits = std::weak_ptr(one)] {
        const auto self = weak.lock();
        const auto still = waits.lock();
        if (self && still) self->watch(still);
      });
}

// Not within the hub's call.
void pulls::watch(const pull_pointer& one) {
  boost::asio::post(with_.executor, [weak = weak_from_this(), one] {
    if (const auto self = weak.lock()) self->look(one);
  });
}

void pulls::look(const pull_pointer& one) {
  if (one->over || one->opening) return;
  if (one->batch->end()) return stream_ended(one);
  const auto now = with_.clock->steady_now();
  if (!one->held && !take_name(one)) {
    if (one->over || now < one->wait_until) return arm();
    return refuse(one, {lease_problem::busy,
                        {errc::conflict, "somebody else has the name",
                         "wait for longer, or pull under another name"},
                        with_.streams->holder(one->key)});
  }
  const auto place = with_.streams->place(one->stream);
  const bool at_end = place && place->at_end;
  const auto& until = one->request.until;
  const bool has_passed = until && place && place->passed >= *until;
  const bool waits = now < one->wait_until && !has_passed;
  if (!one->batch->empty() && !one->first_event_at) one->first_event_at = now;
  // With events at hand it waits for no more than what has been stored already.
  const auto patience =
      one->first_event_at ? *one->first_event_at + gathering_max : one->wait_until + searching_max;
  const bool goes_on = one->first_event_at || !waits;
  if (one->batch->complete() || has_passed || (goes_on && (at_end || now >= patience)))
    return finish(one, at_end, until ? has_passed : at_end);
  if (goes_on) looking_.insert(one);
  arm();
}

// False: somebody else has the name, or it was refused.
bool pulls::take_name(const pull_pointer& one) {
  const auto kept = with_.streams->keep(one->stream);
  if (!kept) return false;
  one->key = *kept;
  const auto token = make_lease_token();
  const auto begun = token ? book_.begin(one->key, one->stream, *token, one->request.length)
                           : lease_result<lease_pointer>(failed(token.error()));
  if (!begun) {
    const auto key = one->key;
    refuse(one, begun.error());
    with_.streams->release(key);
    return false;
  }
  one->token = *token;
  one->held = *begun;
  one->held->batch = one->batch;
  one->held->asked = one->request.asked;
  one->held->waiting = one;
  return true;
}

void pulls::finish(const pull_pointer& one, bool at_end, bool caught_up) {
  const auto lease = one->held;
  pulled answer;
  answer.token = one->token;
  answer.events = one->batch->take();
  answer.caught_up = caught_up;
  answer.lag_bytes = with_.streams->lag_bytes(lease->key);
  leave(one);
  hand_out(lease->outstanding, answer.events->ids(), at_end, answer.repeated);
  lease->length = one->request.length;
  lease->renew(*with_.clock, lease->length);
  answer.expires_at = lease->expires_at;
  book_.save(lease, false,
             [weak = weak_from_this(), lease, one,
              answer = std::move(answer)](const result<void>& outcome) {
               if (const auto self = weak.lock()) self->stored(lease, one, answer, outcome);
             });
}

void pulls::stored(const lease_pointer& of, const pull_pointer& one, const pulled& answer,
                   const result<void>& outcome) {
  // It was released, or its cursor moved, while this was stored: what is stored is no lease.
  if (!of->over && !book_.is_still_held(*of)) {
    book_.forget(of);
    book_.erase_stored(*of);
    return one->answer(book_.fenced());
  }
  if (outcome) {
    const bool nobody_has_its_token = one->abandoned && !of->stored;
    of->stored = true;
    if (!nobody_has_its_token) return one->answer(answer);
    book_.end(of);
    return book_.erase_stored(*of);
  }
  take_back(of->outstanding, answer.events->ids());
  of->has_lost_events = true;
  // Nobody knows its token, and a later save may still store it.
  if (!of->stored) {
    book_.end(of);
    book_.erase_stored(*of);
  }
  one->answer(
      failed({errc::unavailable,
              "the batch could not be stored, and was not handed out: " + outcome.error().what,
              "try again; the events that it acknowledged may come again"}));
}

void pulls::stream_ended(const pull_pointer& one) {
  const auto ended = *one->batch->end();
  const auto lease = one->held;
  if (lease) {
    lease->batch.reset();
    if (!book_.is_still_held(*lease)) {
      refuse(one, book_.fenced());
      return book_.forget(lease);
    }
  }
  auto why = failed(
      {ended.why == end_reason::gap ? errc::gap : errc::unavailable, ended.said, "try again"});
  if (ended.why == end_reason::gap) {
    why.gap = with_.streams->gap_of(one->key);
    why.why.next = "accept the gap with 'pulse gaps accept', then pull again";
  }
  refuse(one, why);
}

void pulls::abandon(const std::shared_ptr<pull>& one) {
  one->abandoned = true;
  if (one->over) return;
  const auto lease = one->held;
  const bool gathered = one->batch && !one->batch->empty();
  if (one->batch) one->batch->take();
  leave(one);
  if (!lease) {
    if (!one->opening) with_.streams->close(one->stream);
    return;
  }
  // Nobody knows the token of one that is not stored.
  if (!lease->stored) return book_.end(lease);
  lease->has_lost_events |= gathered;
  lease->renew(*with_.clock, lease->length);
}

void pulls::refuse(const pull_pointer& one, const lease_refusal& why) {
  if (one->over) return;
  abandon(one);
  one->answer(why);
}

void pulls::leave(const pull_pointer& one) {
  one->over = true;
  looking_.erase(one);
  waiting_.erase(one);
  waiting_figure_.Set(static_cast<double>(waiting_.size()));
  if (one->held && one->held->waiting == one) one->held->waiting.reset();
}

void pulls::follow(const std::vector<table_rename>& renamed) {
  book_.follow(renamed);
  for (const auto& one : waiting_) {
    const auto found = std::ranges::find(renamed, one->key.table, &table_rename::from);
    if (found != renamed.end()) one->key.table = found->to;
  }
}

void pulls::tick() {
  book_.tick();
  std::erase_if(ends_watched_, [&](auto id) { return !with_.streams->place(id); });
  for (const auto& one : std::vector(waiting_.begin(), waiting_.end())) look(one);
}

void pulls::arm() {
  if (waiting_.empty()) return;
  const auto interval = looking_.empty() ? waiting_interval : looking_interval;
  if (armed_for_ && *armed_for_ <= interval) return;
  armed_for_ = interval;
  timer_.expires_after(interval);
  timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& cancelled) {
    const auto self = weak.lock();
    if (!cancelled && self) self->on_timer();
  });
}

void pulls::on_timer() {
  armed_for_.reset();
  const auto now = std::chrono::steady_clock::now();
  const bool all = now - looked_at_all_ >= waiting_interval;
  if (all) looked_at_all_ = now;
  const auto& due = all ? waiting_ : looking_;
  for (const auto& one : std::vector(due.begin(), due.end())) look(one);
  arm();
}

}  // namespace pulse::streams

#include "server/events/event_stream_session.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include <boost/asio/post.hpp>

#include "base/iso_time.hpp"
#include "base/logging.hpp"
#include "server/events/event_refusal.hpp"

namespace pulse::server {
namespace {

// How long an EventSource waits before it connects again: when it has lost the connection, and when
// it is to acknowledge, as the server has asked it to.
constexpr std::chrono::milliseconds reconnect_after{1000};
constexpr std::chrono::milliseconds acknowledge_after{100};

constexpr std::string_view reason_acknowledge = "acknowledge";
constexpr std::string_view reason_shutdown = "shutdown";

std::string_view name_of(streams::end_reason reason) {
  switch (reason) {
    case streams::end_reason::shutdown:
      return reason_shutdown;
    case streams::end_reason::project_removed:
      return "project_removed";
    case streams::end_reason::slow:
      return "slow";
    case streams::end_reason::key_revoked:
      return "key_revoked";
    case streams::end_reason::cursor_moved:
      return "cursor_moved";
    case streams::end_reason::gap:
      return "gap";
    case streams::end_reason::failure:
      return "failure";
  }
  return "failure";
}

std::string_view name_of(stream_end why) {
  switch (why) {
    case stream_end::client_gone:
      return "the client has gone";
    case stream_end::stalled:
      return "the client took nothing";
    case stream_end::key_revoked:
      return "the API key was revoked";
    case stream_end::shutdown:
      return reason_shutdown;
  }
  return "failure";
}

refusal refuse_unconfirmed(std::string message) {
  return {503, pulse_code::server_error, std::move(message), "connect again"};
}

}  // namespace

event_stream_session::event_stream_session(const http_exchange& asked,
                                           const event_stream_request& wanted)
    : context_(asked.shared_context()),
      key_(asked.who().key),
      request_id_(asked.request_id()),
      format_(wanted.format),
      window_events_max_(wanted.window_events_max),
      last_(wanted.last),
      confirming_until_(context_->executor) {}

void event_stream_session::begin(const exchange_pointer& asked, opened_stream opened) {
  stream_ = std::move(opened);
  auto& host = *stream_.host;
  // An id that was never given is of a server whose state is lost, or of another one. The client
  // gets everything again, and better ids with it.
  if (last_.id && !host.acknowledge_through(stream_.id, *last_.id)) last_ = {};
  const auto holder = host.holder(stream_.key);
  if (end_) {
    host.when_passed(stream_.id, *end_, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->reached_end();
    });
    if (last_.was_caught_up) return confirm_later(asked, holder.has_value());
  }
  http_response head;
  head.content_type = content_type_of(format_);
  head.headers.emplace_back("x-accel-buffering", "no");
  head.body = first_words(holder);
  answer_ = asked->stream(head, shared_from_this());
  if (!answer_) return leave_host();
  said_at_ = context_->now();
}

std::string event_stream_session::first_words(
    const std::optional<streams::name_holder>& holder) const {
  boost::json::object opened{{"table", to_string(stream_.key.table)},
                             {"name", stream_.key.name},
                             {"acknowledgedThrough", nullptr},
                             {"windowEvents", window_events_max_},
                             {"windowBytes", event_stream_window_bytes}};
  if (last_.id) opened["acknowledgedThrough"] = to_string(*last_.id);
  auto words = reconnect_text(format_, reconnect_after) +
               message_text(format_, {{"opened", std::move(opened)}});
  if (!holder) return words;
  boost::json::object waiting{{"holder", to_string(holder->kind)},
                              {"since", iso_time(holder->since)}};
  return words + message_text(format_, {{"waiting", std::move(waiting)}});
}

void event_stream_session::send(const event_id& id, std::string_view event_json) {
  if (confirming_) {
    // What only its id says to be acknowledged comes again, and moves the cursor as it does.
    if (last_.id && id <= *last_.id) return;
    return boost::asio::post(context_->executor, [self = shared_from_this()] {
      // The stream may have ended meanwhile.
      if (self->confirming_ && self->stream_.host) self->confirm();
    });
  }
  if (!answer_) return;
  // There is room: unsent_bytes() has said so.
  answer_->send(event_text(format_, id, event_json));
  last_.id = last_.id ? std::max(*last_.id, id) : id;
  said_at_ = context_->now();
  if (!first_event_at_) first_event_at_ = said_at_;
}

// The answer takes no more at its own bound, which is smaller than the hub's.
std::size_t event_stream_session::unsent_bytes() const {
  if (!answer_) return 0;
  const auto unsent = answer_->unsent_bytes();
  return unsent < context_->options.stream_unsent_bytes_max
             ? unsent
             : std::numeric_limits<std::size_t>::max();
}

void event_stream_session::waits_for_acknowledgement() {
  boost::asio::post(context_->executor, [self = shared_from_this()] {
    if (self->stream_.host == nullptr || self->confirming_) return;
    self->finish(self->last_words(reason_acknowledge,
                                  "nothing more is sent until the events before this are "
                                  "acknowledged: connect again with Last-Event-ID"),
                 "waits for acknowledgement");
  });
}

void event_stream_session::end(streams::end_reason reason, std::string_view message) {
  // The hub has closed the stream itself and must not be called from here.
  const auto host = std::exchange(stream_.host, nullptr);
  boost::asio::post(
      context_->executor, [self = shared_from_this(), host, reason, text = std::string(message)] {
        if (const auto asked = std::exchange(self->confirming_, nullptr))
          return refuse_events(*asked, self->format_, refuse_unconfirmed(text));
        std::string words;
        if (const auto gap = reason == streams::end_reason::gap && host != nullptr
                                 ? host->gap_of(self->stream_.key)
                                 : std::nullopt)
          words = message_text(self->format_, {{"gap", control::to_json(*gap)}});
        self->finish(words + self->last_words(name_of(reason), text), name_of(reason));
      });
}

void event_stream_session::writable() {
  if (!left_.empty()) return finish(std::exchange(left_, {}), {});
  if (stream_.host) stream_.host->writable(stream_.id);
}

void event_stream_session::tick(std::chrono::steady_clock::time_point now) {
  if (!answer_ || !left_.empty()) return;
  if (first_event_at_ && now - *first_event_at_ >= context_->options.event_stream_time) {
    return finish(last_words(reason_acknowledge,
                             "acknowledge the events before this: connect again with "
                             "Last-Event-ID"),
                  "its time is over");
  }
  if (now - said_at_ < context_->options.heartbeat_interval) return;
  if (answer_->send(heartbeat_text(format_))) said_at_ = now;
}

void event_stream_session::stopping() {
  // What did not fit before does not fit now either.
  left_.clear();
  finish(last_words(reason_shutdown, "Pulse is shutting down: connect again"), reason_shutdown);
  if (answer_) std::exchange(answer_, nullptr)->finish();
}

void event_stream_session::ended(stream_end why) {
  answer_.reset();
  finish({}, name_of(why));
}

void event_stream_session::reached_end() {
  if (stream_.host == nullptr) return;
  if (confirming_) return confirm();
  finish(message_text(format_, {{"caughtUp", true}}, end_id(last_.id)), "caught up");
}

// The job is over once the cursor is where its last acknowledgement has put it: the stream reads
// that far. Whoever waits for the name leaves that to its holder.
void event_stream_session::confirm_later(const exchange_pointer& asked, bool is_waiting) {
  confirming_ = asked;
  if (is_waiting) return confirm();
  // Before the connection answers by itself.
  confirming_until_.expires_after(context_->options.answer_timeout / 2);
  confirming_until_.async_wait([weak = weak_from_this()](const boost::system::error_code& failed) {
    const auto self = weak.lock();
    if (failed || !self || !self->confirming_) return;
    self->leave_host();
    const auto late = std::exchange(self->confirming_, nullptr);
    refuse_events(*late, self->format_,
                  refuse_unconfirmed("the event log was not read to its end in time"));
  });
}

void event_stream_session::confirm() {
  confirming_until_.cancel();
  const auto asked = std::exchange(confirming_, nullptr);
  stream_.host->save(stream_.key, std::nullopt,
                     [asked, format = format_](const result<void>& saved) {
                       if (!saved) return refuse_events(*asked, format, refuse(saved.error()));
                       http_response nothing_left;
                       nothing_left.status = 204;
                       asked->answer(nothing_left);
                     });
  leave_host();
}

// `reason`, for the log, is empty when it has been said.
void event_stream_session::finish(std::string words, std::string_view reason) {
  const auto alive = shared_from_this();
  if (!reason.empty()) log_ended(reason);
  leave_host();
  if (!answer_) return;
  if (!answer_->send(words)) {
    left_ = std::move(words);
    return;
  }
  std::exchange(answer_, nullptr)->finish();
}

std::string event_stream_session::last_words(std::string_view reason,
                                             std::string_view message) const {
  auto words = message_text(
      format_, {{"ended", boost::json::object{{"reason", reason}, {"message", message}}}});
  if (reason == reason_acknowledge) words += reconnect_text(format_, acknowledge_after);
  return words;
}

void event_stream_session::leave_host() {
  if (const auto host = std::exchange(stream_.host, nullptr)) host->close(stream_.id);
}

void event_stream_session::log_ended(std::string_view reason) const {
  if (!context_->lines.ended.take(context_->now())) return;
  log_info("server", "stream ended",
           {{"project", key_.project},
            {"key", key_.key_id},
            {"request_id", request_id_},
            {"reason", reason}});
}

}  // namespace pulse::server

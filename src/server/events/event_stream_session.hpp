// One open stream whose events are the body of an HTTP answer.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/steady_timer.hpp>

#include "server/context.hpp"
#include "server/events/event_stream_request.hpp"
#include "server/http/http_exchange.hpp"
#include "server/http/http_stream.hpp"
#include "server/http/route.hpp"
#include "server/stream_opener.hpp"
#include "streams/subscriber.hpp"

namespace pulse::server {

// The client cannot acknowledge while it reads: it does so when it connects again, with the last id
// that it has received. So the answer ends when nothing more is sent without an acknowledgement,
// and options.event_stream_time after its first event.
//
// With `until=end` the answer ends when everything through the end has been sent, and its last
// message has an id of its own, by which the request after it is known: that is answered 204, which
// ends an EventSource.
//
// Made before the stream is opened, because the hub wants its subscriber then. On the delivery
// thread.
class event_stream_session final : public streams::subscriber,
                                   public stream_producer,
                                   public std::enable_shared_from_this<event_stream_session> {
 public:
  event_stream_session(const http_exchange& asked, const event_stream_request& wanted);

  // The answer ends when everything through `end` has been sent. Before begin().
  void run_to(const position& end) { end_ = end; }
  // The hub has opened the stream for this session: answers the request.
  void begin(const exchange_pointer& asked, opened_stream opened);

  // streams::subscriber
  void send(const event_id& id, std::string_view event_json) override;
  std::size_t unsent_bytes() const override;
  void waits_for_acknowledgement() override;
  void end(streams::end_reason reason, std::string_view message) override;

  // stream_producer
  void writable() override;
  void tick(std::chrono::steady_clock::time_point now) override;
  void stopping() override;
  void ended(stream_end why) override;

 private:
  std::string first_words(const std::optional<streams::name_holder>& holder) const;
  std::string last_words(std::string_view reason, std::string_view message) const;
  void reached_end();
  void confirm_later(const exchange_pointer& asked, bool is_waiting);
  void confirm();
  void finish(std::string words, std::string_view reason);
  void leave_host();
  void log_ended(std::string_view reason) const;

  std::shared_ptr<server_context> context_;
  key_identity key_;
  std::string request_id_;
  event_format format_;
  std::size_t window_events_max_;
  std::optional<position> end_;          // of `until=end`
  last_event last_;                      // that the client has received
  opened_stream stream_;                 // its host is null when it is over
  std::shared_ptr<http_stream> answer_;  // null: not begun, or over
  exchange_pointer confirming_;          // to be answered 204 when the end is reached again
  boost::asio::steady_timer confirming_until_;
  std::string left_;  // words that end the answer, and did not fit
  std::chrono::steady_clock::time_point said_at_{};
  std::optional<std::chrono::steady_clock::time_point> first_event_at_;
};

}  // namespace pulse::server

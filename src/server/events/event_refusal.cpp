#include "server/events/event_refusal.hpp"

#include <chrono>
#include <utility>

#include <boost/json/object.hpp>

namespace pulse::server {
namespace {

constexpr std::chrono::seconds asks_again_after{1};

}  // namespace

void refuse_events(http_exchange& asked, event_format format, const refusal& why) {
  if (format != event_format::event_stream || why.status != 503) return asked.refuse(why);
  const auto wait = why.retry_after.count() == 0 ? asks_again_after : why.retry_after;
  boost::json::object refused{
      {"status", why.status}, {"code", to_string(why.code)}, {"message", why.message}};
  http_response answer;
  answer.content_type = content_type_of(format);
  answer.body =
      reconnect_text(format, wait) + message_text(format, {{"refused", std::move(refused)}});
  asked.answer(answer);
}

}  // namespace pulse::server

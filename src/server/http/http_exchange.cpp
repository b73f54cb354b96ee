#include "server/http/http_exchange.hpp"

#include <algorithm>
#include <chrono>
#include <optional>

#include <boost/assert.hpp>

namespace pulse::server {

http_exchange::http_exchange(std::shared_ptr<server_context> context, surface where,
                             http_request request, std::string request_id,
                             path_parameters parameters, caller who, answer_ways ways)
    : context_(std::move(context)),
      where_(where),
      request_(std::move(request)),
      request_id_(std::move(request_id)),
      parameters_(std::move(parameters)),
      who_(std::move(who)),
      ways_(std::move(ways)) {}

const std::string& http_exchange::parameter(std::string_view name) const {
  const auto found = std::ranges::find(parameters_, name, &path_parameters::value_type::first);
  BOOST_ASSERT(found != parameters_.end());
  return found->second;
}

void http_exchange::wait(std::chrono::milliseconds longest, std::function<void(wait_end)> ended) {
  request_ = {};
  if (ways_.late) ways_.late(longest, std::move(ended));
}

void http_exchange::answer(const http_response& response) {
  BOOST_ASSERT(ways_.whole);
  std::exchange(ways_, {}).whole(response);
}

void http_exchange::refuse(const refusal& why) {
  answer(to_response(why, request_id_));
}

void http_exchange::refuse(unsigned status, std::string message, std::string next) {
  refuse({status, pulse_code::server_error, std::move(message), std::move(next)});
}

// What keeps an answer from streaming now.
std::optional<refusal> http_exchange::check_stream() const {
  if (key_was_revoked(*context_, who_)) return no_such_key();
  if (context_->stopping) return refuse_while_stopping();
  const auto most = context_->options.streamed_answers_max;
  if (context_->streamed_answers < most) return std::nullopt;
  return refusal{503, pulse_code::server_error,
                 "Pulse sends as many streamed answers as it may (" + std::to_string(most) + ")",
                 "try again later", std::chrono::seconds(1)};
}

std::shared_ptr<http_stream> http_exchange::stream(const http_response& begin,
                                                   std::shared_ptr<stream_producer> producer) {
  if (const auto no = check_stream()) {
    refuse(*no);
    return nullptr;
  }
  BOOST_ASSERT(ways_.streamed);
  return std::exchange(ways_, {}).streamed(begin, std::move(producer));
}

}  // namespace pulse::server

// One request to a route, and the way to answer it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "server/context.hpp"
#include "server/http/credentials.hpp"
#include "server/http/http_message.hpp"
#include "server/http/http_stream.hpp"

namespace pulse::server {

// Names and values of a path's parameters, decoded.
using path_parameters = std::vector<std::pair<std::string, std::string>>;

// Why nobody waits for an answer any more.
enum class wait_end {
  client_gone,
  key_revoked,
  shutdown,  // the server stops: an answer now is still sent
};

// What the connection does with an answer. All do nothing when it has answered by itself meanwhile,
// because its deadline has passed.
struct answer_ways {
  std::function<void(const http_response&)> whole;
  std::function<std::shared_ptr<http_stream>(const http_response&,
                                             std::shared_ptr<stream_producer>)>
      streamed;
  std::function<void(std::chrono::milliseconds, std::function<void(wait_end)>)> late;
};

// On the delivery thread. A handler keeps it until it has answered: once, now or later, by
// answer(), refuse() or stream().
class http_exchange {
 public:
  http_exchange(std::shared_ptr<server_context> context, surface where, http_request request,
                std::string request_id, path_parameters parameters, caller who, answer_ways ways);

  server_context& context() const { return *context_; }
  const std::shared_ptr<server_context>& shared_context() const { return context_; }
  surface where() const { return where_; }
  const http_request& request() const { return request_; }
  const std::string& request_id() const { return request_id_; }
  // Of the route's pattern, which must have it.
  const std::string& parameter(std::string_view name) const;
  // Who asks, by the credential that the route wants.
  const caller& who() const { return who_; }

  // The answer may take so much longer than others (server_options::answer_timeout). `ended` is
  // called once at most, before the answer, if nobody waits for it any more. Gives the request up:
  // thousands wait.
  void wait(std::chrono::milliseconds longest, std::function<void(wait_end)> ended);

  void answer(const http_response& response);
  void refuse(const refusal& why);
  void refuse(unsigned status, std::string message, std::string next = {});
  // Answers a failure; true when there was one.
  template <class T>
  bool failed(const result<T>& outcome) {
    if (outcome) return false;
    refuse(pulse::server::refuse(outcome.error()));
    return true;
  }

  // Answers with the head of `begin` now, and its body, if any, as the first bytes; the rest
  // follows by the stream. The producer is kept until the answer ends. Null when nothing is to be
  // streamed, and the producer is told nothing then: the request was for the head alone, the client
  // has gone, or it was refused: its key was revoked, the server stops, or has
  // options.streamed_answers_max open.
  std::shared_ptr<http_stream> stream(const http_response& begin,
                                      std::shared_ptr<stream_producer> producer);

 private:
  std::optional<refusal> check_stream() const;

  std::shared_ptr<server_context> context_;
  surface where_;
  http_request request_;
  std::string request_id_;
  path_parameters parameters_;
  caller who_;
  answer_ways ways_;
};

}  // namespace pulse::server

// A row of the route table: what is asked, by whom, what comes back, and who does it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/system/result.hpp>

#include "server/context.hpp"
#include "server/http/credentials.hpp"
#include "server/http/http_exchange.hpp"
#include "server/http/path_pattern.hpp"
#include "server/http/refusal.hpp"

namespace pulse::server {

class websocket_session;

// Where a route is: on one of the two addresses, or on both.
enum class served_on {
  streams,
  admin,
  both,
};

// One parameter behind the question mark.
struct query_parameter {
  std::string_view name;
  std::string_view meaning;  // a sentence
  bool required = false;
};

// One kind of answer. `schema` is a JSON Schema; "#Gap" stands for the named one; empty: no JSON.
struct route_answer {
  unsigned status = 200;
  std::string_view meaning = {};  // a sentence
  std::string_view schema = {};
  std::string_view content_type = "application/json";
};

using exchange_pointer = std::shared_ptr<http_exchange>;
// Answers the request, now or later.
using route_handler = std::function<void(const exchange_pointer&)>;
// Opens what the connection becomes, a WebSocket, or says why not; `done` is called once, perhaps
// before this returns. The request is an upgrade that can be accepted.
using opening_result = boost::system::result<std::shared_ptr<websocket_session>, refusal>;
using websocket_opener =
    std::function<void(const exchange_pointer&, std::function<void(opening_result)> done)>;

// Its texts are literals.
struct route {
  std::string_view method;  // "GET" answers HEAD too, unless it opens a WebSocket
  path_pattern path;
  served_on where = served_on::admin;
  credential wants = credential::admin_token;
  std::string_view summary = {};  // a sentence: what it does
  std::vector<query_parameter> query = {};
  std::string_view body = {};              // a schema; empty: no body is read
  std::vector<route_answer> answers = {};  // without errors, which all routes have
  // One of the two.
  route_handler handle = {};
  websocket_opener open = {};

  bool is_on(surface one) const {
    return where == served_on::both || (where == served_on::admin) == (one == surface::admin);
  }
};

}  // namespace pulse::server

// A route for tests, whose answer streams what the test says.
#pragma once

#include <memory>
#include <optional>

#include "server/http/health.hpp"
#include "server/http/openapi.hpp"
#include "server/http/route_table.hpp"

namespace pulse::server {

// What its handler was told, and what it does then. On the server's thread.
struct told_producer final : stream_producer {
  void writable() override {
    ++writable_calls;
    if (on_writable) on_writable();
  }
  void stopping() override {
    ++stopping_calls;
    if (on_stopping) on_stopping();
  }
  void ended(stream_end why) override { end = why; }

  int writable_calls = 0;
  int stopping_calls = 0;
  std::optional<stream_end> end;
  std::function<void()> on_writable;
  std::function<void()> on_stopping;
};

// GET /streamed on both addresses and, for an API key, GET /streamed/mine; besides those of
// health.hpp.
struct streaming_route {
  streaming_route() {
    add_health_routes(table);
    add_openapi_route(table);
    const auto handle = [this](const exchange_pointer& asked) {
      if (holds) {
        held = asked;
        return;
      }
      begin(*asked);
    };
    table.add({.method = "GET",
               .path = path_pattern("/streamed"),
               .where = served_on::both,
               .wants = credential::none,
               .summary = "Streams.",
               .answers = {{.content_type = "application/x-ndjson"}},
               .handle = handle});
    table.add({.method = "GET",
               .path = path_pattern("/streamed/mine"),
               .where = served_on::streams,
               .wants = credential::api_key,
               .summary = "Streams.",
               .answers = {{.content_type = "application/x-ndjson"}},
               .handle = handle});
  }

  void begin(http_exchange& asked) {
    http_response head;
    head.content_type = "application/x-ndjson";
    head.body = "begin\n";
    producer = std::make_shared<told_producer>();
    stream = asked.stream(head, producer);
    ++begun;
  }

  route_table table;
  bool holds = false;  // the next request, until the test begins it
  exchange_pointer held;
  // Of the last request.
  std::shared_ptr<told_producer> producer;
  std::shared_ptr<http_stream> stream;
  int begun = 0;
};

}  // namespace pulse::server

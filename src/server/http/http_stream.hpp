// An answer whose body is sent bit by bit, for as long as its handler has something to send.
#pragma once

#include <chrono>
#include <cstddef>
#include <string_view>

namespace pulse::server {

// Why an answer ended that its handler had not finished.
enum class stream_end {
  client_gone,  // or has closed its half of the connection
  stalled,      // the client took nothing for options.stalled_stream_timeout
  key_revoked,  // its API key
  shutdown,     // the handler did not finish in time, see stream_producer::stopping()
};

// The handler's side: what it is told while it streams. On the delivery thread, never from within
// a call of http_stream.
class stream_producer {
 public:
  stream_producer() = default;
  stream_producer(const stream_producer&) = delete;
  stream_producer& operator=(const stream_producer&) = delete;
  virtual ~stream_producer() = default;

  // Half of the bound on unsent bytes is free again, after send() has met it.
  virtual void writable() = 0;
  // About once a second.
  virtual void tick(std::chrono::steady_clock::time_point /*now*/) {}
  // The server stops, or hands over to another process: send last words and finish(). What is not
  // finished within options.draining_timeout is cut off.
  virtual void stopping() = 0;
  // Nothing can be sent any more. Once, and not after finish() or cut().
  virtual void ended(stream_end why) = 0;
};

// The connection's side. On the delivery thread. Calls after the end have no effect.
class http_stream {
 public:
  http_stream() = default;
  http_stream(const http_stream&) = delete;
  http_stream& operator=(const http_stream&) = delete;
  virtual ~http_stream() = default;

  // Takes all of `bytes` (copied), or nothing: false when options.stream_unsent_bytes_max are
  // waiting for the client already, or the answer is over. writable() says when to try again. What
  // is taken in one turn of the event loop leaves together. The bound is passed by one call's bytes
  // at most; callers bound those.
  virtual bool send(std::string_view bytes) = 0;
  // Bytes that the client's side has not taken yet.
  virtual std::size_t unsent_bytes() const = 0;
  // The body is complete. The connection is the next request's once all has been sent.
  virtual void finish() = 0;
  // The body will never be complete: the connection is closed without its end, which a client sees
  // unless it speaks HTTP/1.0.
  virtual void cut() = 0;
};

}  // namespace pulse::server

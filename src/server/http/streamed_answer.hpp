// The bytes of an answer that streams, between its handler and its connection.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>

#include "server/http/http_stream.hpp"
#include "server/http/outgoing_buffer.hpp"

namespace pulse::server {

// How the client knows where the body ends.
enum class body_framing {
  chunked,      // RFC 9112, section 7.1
  until_close,  // HTTP/1.0
};

// No I/O. One owner, its connection; the handler holds it as http_stream.
class streamed_answer final : public http_stream {
 public:
  // `wake` has the connection look here again, soon and not before it returns.
  streamed_answer(body_framing framing, std::size_t unsent_bytes_max,
                  std::shared_ptr<stream_producer> producer, std::function<void()> wake);

  // http_stream
  bool send(std::string_view bytes) override;
  std::size_t unsent_bytes() const override { return out_.size(); }
  void finish() override;
  void cut() override;

  // For the connection: where the head goes, before all else.
  outgoing_buffer& out() { return out_; }
  bool is_finished() const { return state_ == state::finished; }
  bool is_cut() const { return state_ == state::cut; }
  // Calls writable() when there is room again.
  void tell_of_room();
  void tick(std::chrono::steady_clock::time_point now);
  // Calls stopping(), once.
  void tell_of_stopping();
  // The connection sends no more. Calls ended() unless the handler has finished or cut.
  void end(stream_end why);

 private:
  enum class state { open, finished, cut, over };

  body_framing framing_;
  std::size_t unsent_bytes_max_;
  std::shared_ptr<stream_producer> producer_;  // null: it is told nothing more
  std::function<void()> wake_;
  outgoing_buffer out_;
  state state_ = state::open;
  bool met_the_bound_ = false;
  bool told_of_stopping_ = false;
};

}  // namespace pulse::server

#include "server/http/streamed_answer.hpp"

#include <utility>

#include <fmt/format.h>

namespace pulse::server {

streamed_answer::streamed_answer(body_framing framing, std::size_t unsent_bytes_max,
                                 std::shared_ptr<stream_producer> producer,
                                 std::function<void()> wake)
    : framing_(framing),
      unsent_bytes_max_(unsent_bytes_max),
      producer_(std::move(producer)),
      wake_(std::move(wake)) {}

bool streamed_answer::send(std::string_view bytes) {
  if (state_ != state::open) return false;
  if (out_.size() >= unsent_bytes_max_) {
    met_the_bound_ = true;
    return false;
  }
  // A chunk without bytes would end the body.
  if (bytes.empty()) return true;
  auto& tail = out_.tail();
  if (framing_ == body_framing::chunked) {
    tail += fmt::format("{:x}\r\n", bytes.size());
    tail += bytes;
    tail += "\r\n";
  } else {
    tail += bytes;
  }
  if (out_.size() >= unsent_bytes_max_) met_the_bound_ = true;
  wake_();
  return true;
}

void streamed_answer::finish() {
  if (state_ != state::open) return;
  state_ = state::finished;
  producer_.reset();
  if (framing_ == body_framing::chunked) out_.tail() += "0\r\n\r\n";
  wake_();
}

void streamed_answer::cut() {
  if (state_ != state::open) return;
  state_ = state::cut;
  producer_.reset();
  wake_();
}

void streamed_answer::tell_of_room() {
  if (!met_the_bound_ || out_.size() > unsent_bytes_max_ / 2) return;
  met_the_bound_ = false;
  // The handler may finish, and let go of itself, while it is called.
  if (const auto producer = producer_) producer->writable();
}

void streamed_answer::tick(std::chrono::steady_clock::time_point now) {
  if (const auto producer = producer_) producer->tick(now);
}

void streamed_answer::tell_of_stopping() {
  if (std::exchange(told_of_stopping_, true)) return;
  if (const auto producer = producer_) producer->stopping();
}

void streamed_answer::end(stream_end why) {
  state_ = state::over;
  out_ = {};
  if (const auto producer = std::exchange(producer_, nullptr)) producer->ended(why);
}

}  // namespace pulse::server

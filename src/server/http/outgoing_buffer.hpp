// Bytes that wait for the socket: one flat buffer, so that one system call carries many frames.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pulse::server {

// One owner; not thread-safe. Its owner bounds it.
class outgoing_buffer {
 public:
  // Append here.
  std::string& tail() { return bytes_; }
  std::string_view unsent() const { return std::string_view(bytes_).substr(sent_); }
  std::size_t size() const { return bytes_.size() - sent_; }
  bool empty() const { return size() == 0; }

  void sent(std::size_t bytes) {
    sent_ += bytes;
    if (sent_ == bytes_.size()) {
      bytes_.clear();
      sent_ = 0;
    } else if (sent_ * 2 > bytes_.size()) {
      bytes_.erase(0, sent_);
      sent_ = 0;
    }
  }

  // Gives the memory back when nothing waits.
  void release() {
    if (empty() && bytes_.capacity() > 64) bytes_ = {};
  }

 private:
  std::string bytes_;
  std::size_t sent_ = 0;
};

}  // namespace pulse::server

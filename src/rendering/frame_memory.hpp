// How much memory rendered events take that are kept for other streams.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <utility>

namespace pulse::rendering {

// Shared by the frame sources of all projects on one thread. Each source may keep an equal share of
// it. One frame more is there while it is sent, however large.
class frame_memory {
 public:
  static constexpr std::size_t default_bytes_max = std::size_t{64} << 20U;

  explicit frame_memory(std::size_t bytes_max = default_bytes_max) : bytes_max_(bytes_max) {}

  void add_source() { ++sources_; }
  void remove_source() { --sources_; }
  std::size_t share() const { return bytes_max_ / std::max<std::size_t>(sources_, 1); }

  // A source keeps more than its share: `give_back` is called before the next frame is rendered,
  // by whichever source. Null: it does not any more.
  using giver = std::function<void()>;
  void owes(const void* source, giver give_back) {
    owing_ = give_back ? source : nullptr;
    give_back_ = std::move(give_back);
  }
  // Called before a frame is rendered.
  void settle() {
    if (owing_ != nullptr) std::exchange(give_back_, nullptr)();
    owing_ = nullptr;
  }
  // The source ends.
  void forget(const void* source) {
    if (owing_ == source) owes(source, nullptr);
  }

 private:
  std::size_t bytes_max_;
  std::size_t sources_ = 0;
  const void* owing_ = nullptr;
  giver give_back_;
};

}  // namespace pulse::rendering

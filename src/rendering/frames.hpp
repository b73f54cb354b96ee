// Encode once: streams that want the same rendering of the same event share one frame.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "change/event.hpp"
#include "log/event_log.hpp"
#include "rendering/event_renderer.hpp"
#include "rendering/frame_memory.hpp"
#include "requests/model.hpp"
#include "requests/request.hpp"

namespace pulse::rendering {

// The frames of all streams with equal models, or of all native ones. A rendering depends on the
// model and the table's definition, never on the consumer. One owner; not thread-safe.
class frame_source {
 public:
  // Frames kept while several streams share this source: they meet the same events at slightly
  // different times.
  static constexpr std::size_t shared_frames = 1024;

  // `wanted` is of no concern to native frames.
  frame_source(requests::event_form form, requests::model wanted,
               const log::relation_store& relations, std::shared_ptr<frame_memory> memory);
  ~frame_source();
  frame_source(const frame_source&) = delete;
  frame_source& operator=(const frame_source&) = delete;

  // The event as JSON. Holds until the next call, of any source with the same memory. errc::corrupt
  // when its table's definition is missing.
  result<std::string_view> frame(const event_view& event);

  void add_user();
  void remove_user();
  bool unused() const { return users_ == 0; }
  std::size_t kept_bytes() const { return kept_bytes_; }

 private:
  struct slot {
    event_sequence sequence = 0;
    std::string text;
  };

  result<const event_renderer*> renderer_of(relation_version version);
  void keep_within_share(const slot* but);
  void use_slots(std::size_t count);

  requests::event_form form_;
  requests::model wanted_;
  const log::relation_store* relations_;
  std::unordered_map<relation_version, std::unique_ptr<const event_renderer>> renderers_;
  std::shared_ptr<frame_memory> memory_;
  std::vector<slot> slots_;
  std::size_t next_given_back_ = 0;  // of slots_
  std::size_t kept_bytes_ = 0;
  std::size_t users_ = 0;
};

}  // namespace pulse::rendering

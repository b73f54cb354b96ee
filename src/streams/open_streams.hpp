// The open streams of one project.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/metrics.hpp"
#include "rendering/frames.hpp"
#include "streams/stream_state.hpp"

namespace pulse::streams {

// Owns the streams, and the shared renderings of equal models. One owner; not thread-safe.
class open_streams {
 public:
  explicit open_streams(const hub::parts& with);

  // Its start is the position that other sessions see.
  stream_state& add(stream_opening what, table_id table, const stream_limits& limits);
  // Returns null if the stream is not open (any more).
  stream_state* find(filters::stream_id id) const;
  // It is open: where() has just found it.
  stream_state& at(filters::stream_id id) const;
  // Takes it out; null as before.
  std::unique_ptr<stream_state> take(filters::stream_id id);

  void tick(std::chrono::steady_clock::time_point now) { models_.tick(now); }

  using by_id = std::unordered_map<filters::stream_id, std::unique_ptr<stream_state>>;
  const by_id& all() const { return streams_; }
  std::size_t size() const { return streams_.size(); }

  // Of whom this holds. What is done to one may end others: ask find() then, and not at().
  template <typename Predicate>
  std::vector<filters::stream_id> where(Predicate holds) const {
    std::vector<filters::stream_id> found;
    for (const auto& [id, stream] : streams_) {
      if (holds(*stream)) found.push_back(id);
    }
    return found;
  }

 private:
  std::shared_ptr<rendering::frame_source> frames_for(const requests::stream_request& wanted);

  const hub::parts* with_;
  std::shared_ptr<rendering::frame_memory> frame_memory_;
  std::uint64_t next_id_ = 1;
  outdated_models models_;  // before the streams, which use it
  by_id streams_;
  std::map<std::string, std::shared_ptr<rendering::frame_source>>
      frames_;  // by the model's fingerprint
  prometheus::Gauge& open_;
};

}  // namespace pulse::streams

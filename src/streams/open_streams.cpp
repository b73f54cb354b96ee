#include "streams/open_streams.hpp"

#include <cassert>
#include <utility>

namespace pulse::streams {

open_streams::open_streams(const hub::parts& with)
    : with_(&with),
      frame_memory_(with.frames ? with.frames : std::make_shared<rendering::frame_memory>()),
      models_(with.project),
      open_(with.figures->gauge(metric::streams_open, with.project)) {}

stream_state& open_streams::add(stream_opening what, table_id table, const stream_limits& limits) {
  const filters::stream_id id{next_id_++};
  auto made = std::make_unique<stream_state>(*with_, id, std::move(what), table, limits, models_);
  made->frames = frames_for(made->wanted);
  made->frames->add_user();
  auto& stream = *made;
  streams_.emplace(id, std::move(made));
  open_.Increment();
  return stream;
}

std::shared_ptr<rendering::frame_source> open_streams::frames_for(
    const requests::stream_request& wanted) {
  // No fingerprint is empty: native frames are the same for everybody.
  const bool native = wanted.form == requests::event_form::native;
  auto& place = frames_[native ? std::string() : requests::fingerprint(wanted.model)];
  if (!place) {
    place = std::make_shared<rendering::frame_source>(wanted.form, wanted.model, *with_->relations,
                                                      frame_memory_);
  }
  return place;
}

stream_state* open_streams::find(filters::stream_id id) const {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second.get();
}

stream_state& open_streams::at(filters::stream_id id) const {
  auto* stream = find(id);
  assert(stream != nullptr);
  return *stream;
}

std::unique_ptr<stream_state> open_streams::take(filters::stream_id id) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return nullptr;
  auto stream = std::move(found->second);
  streams_.erase(found);
  open_.Decrement();
  stream->frames->remove_user();
  if (stream->frames->unused()) {
    std::erase_if(frames_, [&](const auto& entry) { return entry.second == stream->frames; });
  }
  return stream;
}

}  // namespace pulse::streams

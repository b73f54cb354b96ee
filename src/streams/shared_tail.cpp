#include "streams/shared_tail.hpp"

#include <algorithm>

namespace pulse::streams {

void shared_tail::join(stream_state& stream) {
  stream.through = stream.reader->scanned_sequence();
  stream.pass(stream.reader->scanned_through());
  // One that begins now starts exactly here, or, where the stream begins ahead of what may be
  // delivered, at the end of that: others want what this stream does not.
  if (!reader_) {
    const auto begin = std::min(stream.after, log::deliverable_end(*log_, end_));
    reader_ = log::read_deliverable(*log_, end_, begin, 0);
  }
  stream.forget_reader();
  stream.tail_place = &place_;
  auto& members = members_[stream.table];
  members.streams.push_back(&stream);
  if (members.index) members.index->add(stream.id, stream.filters.of(members.version));
  ++size_;
}

bool shared_tail::can_begin() const {
  if (reader_ || end_ == nullptr) return true;
  const auto bounds = log_->bounds();
  if (bounds.first > bounds.last) return true;
  // Position zero would ask for the oldest event that is kept.
  const auto begin = log::deliverable_end(*log_, end_);
  return begin != position{} && begin >= bounds.dropped_through;
}

void shared_tail::leave(stream_state& stream) {
  stream.pass(place_);
  stream.through = std::max(stream.through, sequence_);
  stream.tail_place = nullptr;
  auto& members = members_[stream.table];
  const auto at = std::ranges::find(members.streams, &stream);
  *at = members.streams.back();
  members.streams.pop_back();
  if (members.index) members.index->remove(stream.id, stream.filters.of(members.version));
  --size_;
}

std::vector<filters::stream_id> shared_tail::members() const {
  std::vector<filters::stream_id> all;
  all.reserve(size_);
  for (const auto& [table, members] : members_) {
    for (const auto* stream : members.streams) all.push_back(stream->id);
  }
  return all;
}

result<const event_view*> shared_tail::next() {
  place_ = reader_->scanned_through();
  sequence_ = reader_->scanned_sequence();
  return reader_->next();
}

const std::vector<filters::stream_id>& shared_tail::concerned(const event_view& event,
                                                              filters::event_values& values) {
  concerned_.clear();
  const auto found = members_.find(event.table);
  if (found == members_.end()) return concerned_;
  if (event.action == change_action::truncate) {
    for (const auto* stream : found->second.streams) concerned_.push_back(stream->id);
  } else {
    index_for(found->second, event.relation).find(event, values, concerned_);
  }
  return concerned_;
}

const filters::filter_index& shared_tail::index_for(members_of_table& members,
                                                    relation_version version) {
  if (members.index && members.version == version) return *members.index;
  members.version = version;
  members.index.emplace();
  for (auto* stream : members.streams) members.index->add(stream->id, stream->filters.of(version));
  return *members.index;
}

}  // namespace pulse::streams

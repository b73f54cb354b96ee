// One position in the log, read for all streams that keep up.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/error.hpp"
#include "change/event.hpp"
#include "filters/filter_index.hpp"
#include "log/event_log.hpp"
#include "log/readable_end.hpp"
#include "streams/stream_state.hpp"

namespace pulse::streams {

// Reads each event once and finds the streams that it could concern. For the others, the tail's
// position tells what has passed them (stream_state::tail_place). One owner; not thread-safe.
class shared_tail {
 public:
  // `end` as in log::read_deliverable(). Both outlive it.
  explicit shared_tail(log::event_log& log, const log::readable_end* end = nullptr)
      : log_(&log), end_(end) {}

  // The stream's reader has reached the end of the log and is not needed any more. The tail may be
  // earlier: the stream has seen its events up to stream_state::through.
  void join(stream_state& stream);
  // Whether a stream can join now. False: it is not known yet from where on events may be
  // delivered, or retention has dropped events after it.
  bool can_begin() const;
  // Everything that the tail has passed counts as seen by the stream.
  void leave(stream_state& stream);
  bool empty() const { return size_ == 0; }
  std::vector<filters::stream_id> members() const;

  // Returns the next event, nullptr at the end of the log or where it is paused(). Valid until the
  // next call, or rest(). See log::log_reader::allow().
  result<const event_view*> next();
  void allow(std::uint64_t bytes) {
    if (reader_) reader_->allow(bytes);
  }
  bool paused() const { return reader_->paused(); }
  // Returns the position before the event of next().
  const position& place() const { return place_; }
  // Returns the streams that keep up and whose filter could match. Valid until the next call.
  // `values`: those of the event.
  const std::vector<filters::stream_id>& concerned(const event_view& event,
                                                   filters::event_values& values);
  // Forgets the position: the next stream that joins brings its own.
  void rest() { reader_.reset(); }

 private:
  // The streams of one table, and an index of those that an event could concern.
  struct members_of_table {
    std::vector<stream_state*> streams;
    relation_version version = 0;  // of the table that `index` is for
    std::optional<filters::filter_index> index;
  };
  static const filters::filter_index& index_for(members_of_table& members,
                                                relation_version version);

  log::event_log* log_;
  const log::readable_end* end_;
  std::unique_ptr<log::log_reader> reader_;
  position place_;
  event_sequence sequence_ = 0;  // the same, as far as it has one
  std::unordered_map<table_id, members_of_table> members_;
  std::size_t size_ = 0;
  std::vector<filters::stream_id> concerned_;
};

}  // namespace pulse::streams

// The thread that makes appended events durable: packs, writes, syncs, rolls segments.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "log/block_queue.hpp"
#include "log/segment_log.hpp"
#include "log/segment_store.hpp"

namespace pulse::log {

// Runs on its own thread until the queue is stopped and empty, or a step at a time.
class segment_writer {
 public:
  // Where recovery has left the newest segment.
  struct position_in_file {
    std::shared_ptr<storage_file> file;
    std::uint64_t offset = segment_header_bytes;
    std::uint64_t file_bytes = 0;
    std::uint32_t last_checksum = 0;
    segment_salt salt{};
    bool sealed = false;  // the newest segment was closed just before the process ended
  };

  segment_writer(storage& files, segment_store& store, block_queue& queue,
                 const segment_log_options& options, position_in_file at,
                 std::function<void()> on_progress);

  void run();
  // What has been appended by now becomes durable; never waits for more. False: there was nothing.
  bool step();

  // The first segment of an empty log, or the next one: made under another name, filled with room,
  // then put in place.
  static result<position_in_file> make_segment(storage& files, segment_store& store,
                                               const log_state& before, std::uint64_t bytes);

 private:
  void make_durable(std::vector<block_draft>& drafts);
  void write(std::vector<block_draft>& drafts);
  void write_out();
  packed_block pack(const block_draft& draft);
  std::uint64_t packed_end() const { return at_.offset + buffer_.size(); }
  // False when the log is being closed while the disk is full.
  bool roll();
  result<void> within_quota(std::uint64_t more_bytes) const;
  bool make_room(std::uint64_t file_bytes);
  bool when_there_is_room(const std::function<result<void>()>& attempt);
  bool wait_for_room();
  void must(const result<void>& outcome);

  storage* files_;
  segment_store* store_;
  block_queue* queue_;
  segment_log_options options_;
  position_in_file at_;
  std::function<void()> on_progress_;
  unsigned stored_as_they_are_ = 0;  // blocks for which compression is not tried
  unsigned next_stored_as_they_are_ = 1;
  bool abandoned_ =
      false;  // stopped while the disk was full: what was not written is confirmed to nobody

  std::string buffer_;  // packed blocks that go to the file at `at_.offset`
  std::vector<segment_store::durable_block> packed_;
};

}  // namespace pulse::log

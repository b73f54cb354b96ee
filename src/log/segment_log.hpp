// The event log on disk: append-only segments in one directory. docs/log_format.md is its format.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include "base/error.hpp"
#include "log/block.hpp"
#include "log/event_log.hpp"
#include "log/storage.hpp"

namespace pulse::log {

struct segment_log_options {
  std::uint64_t segment_bytes = std::uint64_t{64} << 20U;
  // All segments together: writing beyond this waits for room, as on a full disk. 0: no limit.
  std::uint64_t storage_bytes_max = 0;
  std::size_t block_bytes_target = std::size_t{48} << 10U;  // before compression
  // The newest blocks are kept unpacked, so that readers that keep up touch neither disk nor codec.
  std::uint64_t recent_bytes_max = std::uint64_t{8} << 20U;
  // Older blocks that a reader has unpacked, kept for others that read the same place.
  std::uint64_t unpacked_bytes_max = std::uint64_t{4} << 20U;
  compression codec = compression::lz4;
  // Between attempts to find room on a full disk.
  std::chrono::milliseconds retry_wait{500};
  // When events are stored: what retention counts their age from.
  const clock_source* clock = &system_clock_source();
  // A write or sync has failed: what is on disk is unknown from here on (an fdatasync that failed
  // once may report success the next time without having written), so the process must end. Tests
  // replace it.
  std::function<void(const error&)> on_fatal;
  // For a simulation, whose every step is a function of its seed: there is no thread, and the log
  // writes when step() is called. Closed, it writes nothing more, as if the process were killed.
  struct stepping {
    // Between attempts to find room on a full disk, in place of the wait. True: stop trying.
    std::function<bool()> wait_for_room;
  };
  std::optional<stepping> stepped;
};

class block_queue;
class segment_store;
class segment_writer;
struct segment_record;

// See event_log for the contract. Events are durable in groups: all that was appended while the
// disk worked goes with the next write and the next fdatasync.
class segment_log final : public event_log {
 public:
  // Recovers the files: cuts a torn tail, writes the last write again and syncs file and directory,
  // so that everything in bounds() is durable. Readers handle damage that is no torn tail.
  // errc::corrupt: a segment is missing, or the position at which history continues is damaged;
  // nothing was changed.
  static result<std::unique_ptr<segment_log>> open(std::unique_ptr<storage> files,
                                                   segment_log_options options);
  // Writes what has been appended, then stops.
  ~segment_log() override;

  // Only with segment_log_options::stepped: one turn of the writer. False: nothing was to be done.
  bool step();

  result<void> append(const event_view& event) override;
  result<void> cover(std::uint32_t timeline, lsn through) override;
  log_bounds bounds() const override;
  std::unique_ptr<log_reader> read(const position& after,
                                   const wanted_tables& tables) const override;
  void pass_damage(const position& after, const position& through) override;
  void on_progress(std::function<void()> listener) override;
  position trimmable(const retention_policy& policy, unix_time_us now) const override;
  result<retention_outcome> trim(const retention_policy& policy, unix_time_us now) override;

 private:
  segment_log(std::unique_ptr<storage> files, segment_log_options options);
  void must_be_gone(const segment_record& segment, const result<void>& outcome) const;

  std::unique_ptr<storage> files_;
  segment_log_options options_;
  std::unique_ptr<segment_store> store_;
  std::unique_ptr<block_queue> queue_;
  std::unique_ptr<segment_writer> writer_;
  std::function<void()> listener_;
  position last_at_;
  event_id last_id_;
  std::thread thread_;
};

}  // namespace pulse::log

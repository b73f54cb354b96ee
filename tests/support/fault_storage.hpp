// A disk in memory that can be full, fail, or lose power at any operation.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "log/storage.hpp"

namespace pulse::log::testing {

// What is on one simulated disk. Outlives the storage objects that use it. Thread-safe.
class fault_disk {
 public:
  using random = std::mt19937_64;

  // Called before each operation that changes something, with the disk locked: it may only call
  // after_power_cut() and look at the log.
  std::function<void()> before_change;
  // Bytes that fit in all files together.
  std::uint64_t capacity = std::uint64_t{1} << 40U;
  // As on Linux: what a failed sync should have written can be read as if nothing had happened, and
  // no later sync writes it, unless it is written again.
  bool syncs_fail = false;
  bool removals_fail = false;
  // As long as this holds, nothing can be read.
  std::atomic<bool> reads_fail = false;

  // The disk as it may be found after a power cut now: what was synced is there; of what was not,
  // any sectors of any write and any directory changes are. Call from before_change, or when
  // nobody works on the disk.
  std::shared_ptr<fault_disk> after_power_cut(random& chance) const;
  // The same with the worst of luck: only what was synced is there.
  std::shared_ptr<fault_disk> durable() const;
  // The disk as the next process finds it when this one is killed now: all that was written can be
  // read, and what was not synced can still be lost. Call as above.
  std::shared_ptr<fault_disk> after_kill() const;

  // For tests that look or do damage while no log is open.
  std::vector<std::string> names() const;
  bool holds(const std::string& name) const;
  std::uint64_t used_bytes() const;
  std::string& content(const std::string& name) { return files_.at(name)->now; }
  void erase(const std::string& name) {
    files_.erase(name);
    durable_files_.erase(name);
  }
  void set_capacity(std::uint64_t bytes);
  std::uint64_t bytes_read() const;

 private:
  friend class fault_file;
  friend class fault_storage;

  struct change {
    std::uint64_t offset = 0;
    std::string bytes;
    bool resize = false;  // to `offset` bytes
  };
  struct file_state {
    std::string now;
    std::string durable;
    std::vector<change> unsynced;
  };
  using directory = std::map<std::string, std::shared_ptr<file_state>>;

  std::shared_ptr<fault_disk> found_later(const std::function<bool()>& survives) const;
  static void apply(const change& one, std::string& to);
  std::uint64_t used() const;
  result<void> change_directory(std::function<void(directory&)> edit);

  mutable std::mutex mutex_;
  directory files_;
  directory durable_files_;
  std::vector<std::function<void(directory&)>> unsynced_edits_;
  mutable std::uint64_t bytes_read_ = 0;
};

std::unique_ptr<storage> open_disk(std::shared_ptr<fault_disk> disk);

}  // namespace pulse::log::testing

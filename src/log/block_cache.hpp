// Blocks that were unpacked a while ago, for whoever reads the same place next.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>

#include "log/block.hpp"

namespace pulse::log {

// Many consumers come back at once and read the same hour: each block is read and unpacked once for
// all of them, as long as they are not further apart than the cache is large. What was used longest
// ago goes first. Thread-safe.
class block_cache {
 public:
  explicit block_cache(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

  // The block that has the event; null: it is not here.
  std::shared_ptr<const loaded_block> find(event_sequence sequence);
  void add(std::shared_ptr<const loaded_block> block);

 private:
  using by_use = std::list<std::shared_ptr<const loaded_block>>;

  const std::uint64_t bytes_max_;
  std::mutex mutex_;
  by_use blocks_;                                     // used last at the front
  std::map<event_sequence, by_use::iterator> first_;  // by their first event
  std::uint64_t bytes_ = 0;
};

// What a block costs in memory, small ones included.
std::uint64_t memory_bytes(const loaded_block& block);

}  // namespace pulse::log

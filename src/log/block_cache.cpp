#include "log/block_cache.hpp"

#include <utility>

namespace pulse::log {

std::uint64_t memory_bytes(const loaded_block& block) {
  constexpr std::uint64_t bookkeeping = 64;
  return sizeof block + block.events.capacity() +
         block.facts.tables.exact().size() * sizeof(table_id) + bookkeeping;
}

std::shared_ptr<const loaded_block> block_cache::find(event_sequence sequence) {
  const std::scoped_lock lock(mutex_);
  const auto behind = first_.upper_bound(sequence);
  if (behind == first_.begin()) return nullptr;
  const auto found = std::prev(behind)->second;
  const auto& facts = (*found)->facts;
  if (sequence >= facts.first_sequence + facts.event_count) return nullptr;
  blocks_.splice(blocks_.begin(), blocks_, found);
  return *found;
}

void block_cache::add(std::shared_ptr<const loaded_block> block) {
  const auto bytes = memory_bytes(*block);
  if (bytes > bytes_max_) return;
  const std::scoped_lock lock(mutex_);
  const auto sequence = block->facts.first_sequence;
  if (first_.contains(sequence)) return;
  blocks_.push_front(std::move(block));
  first_.emplace(sequence, blocks_.begin());
  bytes_ += bytes;
  while (bytes_ > bytes_max_) {
    const auto& oldest = blocks_.back();
    bytes_ -= memory_bytes(*oldest);
    first_.erase(oldest->facts.first_sequence);
    blocks_.pop_back();
  }
}

}  // namespace pulse::log

#include "log/block_cache.hpp"

#include <gtest/gtest.h>

namespace pulse::log {
namespace {

std::shared_ptr<const loaded_block> block_of(event_sequence first, std::uint32_t count,
                                             std::size_t bytes = 1000) {
  auto made = std::make_shared<loaded_block>();
  made->facts.first_sequence = first;
  made->facts.event_count = count;
  made->events.assign(bytes, 'e');
  return made;
}

TEST(block_cache, finds_a_block_by_each_of_its_events) {
  block_cache cache(10'000);
  EXPECT_EQ(cache.find(1), nullptr);
  const auto one = block_of(10, 5);
  const auto two = block_of(15, 1);
  cache.add(two);
  cache.add(one);
  EXPECT_EQ(cache.find(9), nullptr);
  EXPECT_EQ(cache.find(10), one);
  EXPECT_EQ(cache.find(14), one);
  EXPECT_EQ(cache.find(15), two);
  EXPECT_EQ(cache.find(16), nullptr);
}

TEST(block_cache, what_was_used_longest_ago_goes_first) {
  const auto each = memory_bytes(*block_of(1, 1));
  block_cache cache(3 * each);
  for (event_sequence first = 1; first <= 3; ++first) cache.add(block_of(first, 1));
  cache.add(block_of(2, 1));  // it is there
  EXPECT_NE(cache.find(1), nullptr);
  cache.add(block_of(4, 1));
  EXPECT_EQ(cache.find(2), nullptr);
  for (const event_sequence first : {1U, 3U, 4U}) EXPECT_NE(cache.find(first), nullptr) << first;
}

TEST(block_cache, a_block_larger_than_all_of_it_is_not_kept) {
  block_cache cache(2000);
  cache.add(block_of(1, 1));
  cache.add(block_of(2, 1, 3000));
  EXPECT_NE(cache.find(1), nullptr);
  EXPECT_EQ(cache.find(2), nullptr);
}

}  // namespace
}  // namespace pulse::log

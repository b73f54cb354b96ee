// Rows may hold whatever their writers like, also what looks like a block of the log.
#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "log/block.hpp"
#include "log/segment.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/unit/log/segment_log_on_a_disk.hpp"

namespace pulse::log {
namespace {

using pulse::testing::collect;
using pulse::testing::sequences;
using pulse::testing::test_event;
using pulse::testing::wait_until;

// What is right of it but for what its writer cannot know.
std::string forged_block(event_sequence first, const segment_salt& salt) {
  block_facts facts;
  facts.first_sequence = first;
  facts.event_count = 1;
  facts.tables.add(1);
  block_place place;
  place.durable_through = std::uint64_t{1} << 40U;
  place.salt = salt;
  return pack_block(facts, "no event", place, compression::none).bytes;
}

class forged_block_in_a_row : public segment_log_on_a_disk {
 protected:
  // The first block has the row, at every offset that a block may have.
  void store(const std::string& forged) {
    options_.codec = compression::none;
    open();
    std::string text;
    for (std::size_t shift = 0; shift < block_alignment; ++shift)
      text += std::string(block_alignment + 1, 'x') + forged;
    const auto row = pulse::testing::text_tuple({text});
    auto event = test_event(1).view();
    event.after = tuple_view::trusted(as_byte_view(row));
    ASSERT_TRUE(log_->append(event));
    wait_until([&] { return log_->bounds().last == 1; });
  }
  void damage_first_block() {
    auto& byte = disk_->content(segments().front())[segment_header_bytes + 4];
    byte = static_cast<char>(byte ^ 1);
  }
  segment_salt salt() const {
    const auto opened = testing::open_disk(disk_)->open(segments().front()).value();
    return read_segment_header(*opened).value().salt;
  }
};

TEST_F(forged_block_in_a_row, is_not_believed_where_the_last_write_was_torn) {
  store(forged_block(2, {}));
  log_.reset();
  damage_first_block();
  open();
  EXPECT_EQ(log_->bounds().last, 0U);
  append_durably(1, 3);
  EXPECT_EQ(sequences(collect(*log_->read(position{}, 0))), (std::vector<event_sequence>{1, 2, 3}));
}

// So that the test above would see one that is believed.
TEST_F(forged_block_in_a_row, would_be_believed_by_who_knows_the_salt) {
  open();
  log_.reset();
  const auto known = salt();
  EXPECT_NE(known, segment_salt{});
  auto& bytes = disk_->content(segments().front());
  const auto forged = forged_block(2, known);
  std::ranges::copy(forged, bytes.begin() + segment_header_bytes + 1024);
  bytes[segment_header_bytes] = 'x';
  open();
  EXPECT_EQ(log_->bounds().last, 2U);
}

}  // namespace
}  // namespace pulse::log

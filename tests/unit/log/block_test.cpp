#include "log/block.hpp"

#include <string>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "log/crc32c.hpp"
#include "log/event_codec.hpp"
#include "tests/support/test_events.hpp"

namespace pulse::log {
namespace {

using pulse::testing::test_event;

block_facts facts_of(std::string& events, std::uint32_t count) {
  block_facts facts;
  facts.first_sequence = 41;
  facts.first_at = test_event(1).view().at;
  for (std::uint32_t n = 1; n <= count; ++n) {
    const test_event made(n);
    encode_event(made.view(), events);
    facts.tables.add(made.view().table);
    facts.last_at = made.view().at;
    facts.last_id = made.view().id;
    facts.newest_commit = made.view().committed_at;
    ++facts.event_count;
  }
  facts.timeline = 3;
  facts.covered_through = lsn{77};
  return facts;
}

TEST(crc32c, gives_the_published_check_values) {
  EXPECT_EQ(crc32c(as_byte_view("123456789")), 0xE3069283U);
  EXPECT_EQ(crc32c_portable(as_byte_view("123456789")), 0xE3069283U);
  EXPECT_EQ(crc32c(as_byte_view(std::string(32, '\0'))), 0x8A9136AAU);  // RFC 3720, B.4
}

RC_GTEST_PROP(crc32c, is_the_same_with_and_without_the_instruction_and_in_parts,
              (const std::string& head, const std::string& tail)) {
  const auto whole = head + tail;
  RC_ASSERT(crc32c(as_byte_view(whole)) == crc32c_portable(as_byte_view(whole)));
  RC_ASSERT(crc32c(as_byte_view(tail), crc32c(as_byte_view(head))) == crc32c(as_byte_view(whole)));
  RC_ASSERT(crc32c_portable(as_byte_view(tail), crc32c_portable(as_byte_view(head))) ==
            crc32c(as_byte_view(whole)));
}

RC_GTEST_PROP(event_codec, gives_back_what_it_was_given,
              (const std::string& before, const std::string& after, std::uint32_t table,
               std::uint64_t commit, std::int64_t time)) {
  event_view event;
  event.sequence = 9;
  event.table = table;
  event.relation = table ^ 1U;
  event.at = {table, lsn{commit}, lsn{~commit}, table / 2};
  event.id = make_event_id(123456, lsn{commit}, table);
  event.committed_at = unix_time_us(std::chrono::microseconds(time));
  event.action = change_action::remove;
  event.before_kind = old_row_kind::key;
  event.before = tuple_view::trusted(as_byte_view(before));
  event.after = tuple_view::trusted(as_byte_view(after));
  std::string bytes = "lead";
  encode_event(event, bytes);
  RC_ASSERT(bytes.size() - 4 == encoded_bytes(event));
  std::size_t at = 4;
  const auto read = decode_event(as_byte_view(bytes), at, 9);
  RC_ASSERT(read.has_value());
  RC_ASSERT(at == bytes.size());
  RC_ASSERT(read->sequence == 9U);
  RC_ASSERT(read->table == event.table);
  RC_ASSERT(read->relation == event.relation);
  RC_ASSERT(read->at == event.at);
  RC_ASSERT(read->id == event.id);
  RC_ASSERT(read->committed_at == event.committed_at);
  RC_ASSERT(read->action == event.action);
  RC_ASSERT(read->before_kind == event.before_kind);
  RC_ASSERT(as_text(read->before.bytes()) == before);
  RC_ASSERT(as_text(read->after.bytes()) == after);
  // Cut anywhere, it is refused and never read past.
  const auto cut = *rc::gen::inRange<std::size_t>(4, bytes.size());
  at = 4;
  RC_ASSERT(!decode_event(as_byte_view(bytes).first(cut), at, 9));
}

class packed : public ::testing::TestWithParam<compression> {};

TEST_P(packed, blocks_are_read_as_they_were_made) {
  std::string events;
  const auto facts = facts_of(events, 50);
  const auto block = pack_block(facts, events, {11, 4096}, GetParam());
  EXPECT_EQ(block.bytes.size() % block_alignment, 0U);
  const auto header = read_block_header(as_byte_view(block.bytes));
  ASSERT_TRUE(header);
  EXPECT_EQ(header->checksum, block.checksum);
  EXPECT_EQ(header->codec, GetParam());
  EXPECT_EQ(header->total_bytes, block.bytes.size());
  EXPECT_EQ(header->place.previous_checksum, 11U);
  EXPECT_EQ(header->place.durable_through, 4096U);
  EXPECT_EQ(header->facts.first_sequence, 41U);
  EXPECT_EQ(header->facts.event_count, 50U);
  EXPECT_EQ(header->facts.first_at, facts.first_at);
  EXPECT_EQ(header->facts.last_at, facts.last_at);
  EXPECT_EQ(header->facts.last_id, facts.last_id);
  EXPECT_EQ(header->facts.newest_commit, facts.newest_commit);
  EXPECT_EQ(header->facts.timeline, 3U);
  EXPECT_EQ(header->facts.covered_through, lsn{77});
  EXPECT_EQ(header->facts.tables.exact(), facts.tables.exact());
  const auto loaded = unpack_block(*header, as_byte_view(block.bytes));
  ASSERT_TRUE(loaded);
  EXPECT_EQ((*loaded)->events, events);
}

TEST_P(packed, blocks_with_any_bit_changed_are_refused) {
  std::string events;
  const auto facts = facts_of(events, 20);
  const auto block = pack_block(facts, events, {11, 4096}, GetParam());
  for (std::size_t at = 0; at < block.bytes.size(); ++at) {
    auto bytes = block.bytes;
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << (at % 8)));
    EXPECT_FALSE(whole_block(as_byte_view(bytes))) << "byte " << at;
  }
}

TEST_P(packed, the_most_compressible_events_are_read_as_they_were) {
  const std::string events(std::size_t{4} << 20U, '\0');
  const auto block = pack_block({}, events, {11, 4096}, GetParam());
  const auto header = whole_block(as_byte_view(block.bytes));
  ASSERT_TRUE(header);
  const auto loaded = unpack_block(*header, as_byte_view(block.bytes));
  ASSERT_TRUE(loaded);
  EXPECT_EQ((*loaded)->events, events);
}

TEST_P(packed, a_size_that_the_payload_cannot_unpack_to_is_refused_before_room_is_made) {
  std::string events;
  const auto facts = facts_of(events, 50);
  const auto block = pack_block(facts, events, {11, 4096}, GetParam());
  auto header = read_block_header(as_byte_view(block.bytes));
  ASSERT_TRUE(header);
  // The checksum is the block's: only what was read of the header is wrong.
  header->raw_bytes = std::uint64_t{1} << 62U;
  EXPECT_FALSE(unpack_block(*header, as_byte_view(block.bytes)));
}

INSTANTIATE_TEST_SUITE_P(codecs, packed,
                         ::testing::Values(compression::none, compression::lz4, compression::zstd));

TEST(table_set, never_says_no_wrongly) {
  table_set set;
  EXPECT_FALSE(set.may_have(0));
  for (table_id table = 1; table <= table_set::exact_max; ++table) set.add(table * 3);
  EXPECT_TRUE(set.may_have(3));
  EXPECT_FALSE(set.may_have(4));
  EXPECT_TRUE(set.may_have(0));
  EXPECT_FALSE(set.many());
  set.add(3);
  EXPECT_FALSE(set.many());
  set.add(1000);
  EXPECT_TRUE(set.many());
  EXPECT_TRUE(set.may_have(4));
  table_set other;
  other.add(set);
  EXPECT_TRUE(other.may_have(123456));
}

}  // namespace
}  // namespace pulse::log

#include "capture/streamed_transactions.hpp"

#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/bytes.hpp"
#include "tests/support/fault_storage.hpp"

namespace pulse::capture {
namespace {

using namespace std::literals;

// One line for each call.
class telling_sink final : public fragment_sink {
 public:
  result<void> on_begin(const transaction_begin& begin) override {
    lines.push_back(fmt::format("begin {} xid {}", to_string(begin.commit), begin.xid));
    return {};
  }
  result<void> on_relation(const relation_definition& definition) override {
    lines.push_back(fmt::format("relation {}", definition.oid));
    return {};
  }
  result<void> on_change(const row_change& change) override {
    const auto what =
        change.action == change_action::truncate ? "truncate" : (*change.after.begin()).text;
    lines.push_back(fmt::format("{} at {}.{}", what, to_string(change.at), change.ordinal));
    return {};
  }
  result<void> on_commit(const transaction_commit& commit) override {
    lines.push_back(fmt::format("commit {}", to_string(commit.commit)));
    return {};
  }
  std::vector<std::string> lines;
};

// The messages of PostgreSQL's manual, section 55.9; `xid` 0: outside of a streamed block.
std::string with_xid(char type, std::uint32_t xid) {
  std::string bytes(1, type);
  if (xid != 0) append_big(bytes, xid);
  return bytes;
}
std::string relation(std::uint32_t xid) {
  return with_xid('R', xid) + "\0\0\x40\0public\0notes\0d\0\1\1id\0\0\0\0\x19\xff\xff\xff\xff"s;
}
std::string insert(std::uint32_t xid, std::string_view id) {
  auto bytes = with_xid('I', xid) + "\0\0\x40\0N\0\1t"s;
  append_big(bytes, static_cast<std::uint32_t>(id.size()));
  return bytes.append(id);
}
std::string truncate(std::uint32_t xid) {
  return with_xid('T', xid) + "\0\0\0\1\0\0\0\x40\0"s;
}
std::string start(std::uint32_t xid, bool first) {
  return with_xid('S', xid) + (first ? '\1' : '\0');
}
std::string abort_of(std::uint32_t xid, std::uint32_t subxid) {
  auto bytes = with_xid('A', xid);
  append_big(bytes, subxid);
  return bytes;
}
std::string commit(std::uint32_t xid, std::uint64_t at) {
  auto bytes = with_xid('c', xid) + '\0';
  append_big(bytes, at);
  append_big(bytes, at + 0x30);
  append_big(bytes, std::uint64_t{0});
  return bytes;
}

class streamed : public ::testing::Test {
 protected:
  streamed() { waiting_.replay_to(decoder_); }

  result<void> give(std::uint64_t at, const std::string& bytes) {
    return decoder_.decode(lsn{at}, as_byte_view(bytes));
  }
  void must(std::uint64_t at, const std::string& bytes) {
    const auto given = give(at, bytes);
    ASSERT_TRUE(given) << given.error().message();
  }
  void replay() {
    while (waiting_.replaying()) {
      const auto replayed = waiting_.replay(1, [] { return false; });
      ASSERT_TRUE(replayed) << replayed.error().message();
    }
  }

  metrics figures_;
  std::shared_ptr<log::testing::fault_disk> disk_ = std::make_shared<log::testing::fault_disk>();
  std::unique_ptr<log::spill_area> area_ =
      log::spill_area::open(log::testing::open_disk(disk_)).value();
  streamed_transactions waiting_{*area_, figures_, "shop"};
  telling_sink sink_;
  pgoutput::decoder decoder_{sink_, &waiting_};
};

TEST_F(streamed, a_transaction_comes_at_its_commit_as_if_it_had_come_whole) {
  must(0x100, start(9, true));
  must(0x100, relation(9));
  must(0x100, insert(9, "a"));
  must(0x100, insert(9, "b"));
  must(0x100, "E");
  EXPECT_EQ(sink_.lines, std::vector<std::string>());
  must(0x200, start(9, false));
  // The block was cut inside a WAL record: its rows are counted on.
  must(0x100, insert(9, "c"));
  must(0x140, insert(10, "d"));
  must(0x200, "E");
  must(0x300, commit(9, 0x300));
  replay();
  EXPECT_EQ(sink_.lines, (std::vector<std::string>{"begin 0/300 xid 9", "relation 16384",
                                                   "a at 0/100.0", "b at 0/100.1", "c at 0/100.2",
                                                   "d at 0/140.0", "commit 0/300"}));
  EXPECT_EQ(area_->transactions(), 0U) << "nothing is left of it";
}

TEST_F(streamed, what_was_rolled_back_vanishes) {
  must(1, start(9, true));
  must(1, relation(9));
  must(1, insert(9, "kept"));
  must(2, insert(10, "gone with its savepoint"));
  must(2, truncate(10));
  must(2, truncate(9));
  must(2, "E");
  must(3, start(20, true));
  must(3, relation(20));
  must(3, insert(20, "gone with its transaction"));
  must(3, "E");
  must(4, abort_of(9, 10));
  must(5, abort_of(20, 20));
  must(6, commit(9, 6));
  replay();
  EXPECT_EQ(sink_.lines,
            (std::vector<std::string>{"begin 0/6 xid 9", "relation 16384", "kept at 0/1.0",
                                      "truncate at 0/2.16384", "commit 0/6"}));
  EXPECT_EQ(area_->transactions(), 0U);
}

TEST_F(streamed, a_new_connection_forgets_what_waited) {
  must(1, start(9, true));
  must(1, relation(9));
  must(1, insert(9, "a"));
  must(1, "E");
  decoder_.reset();
  ASSERT_TRUE(waiting_.reset());
  // The server sends all of it again; going on in the middle would lose the beginning.
  const auto went_on = give(2, start(9, false));
  ASSERT_FALSE(went_on);
  EXPECT_EQ(went_on.error().code, errc::protocol);
}

TEST_F(streamed, a_commit_of_what_was_never_streamed_is_an_error) {
  EXPECT_FALSE(give(2, commit(9, 2)));
}

TEST_F(streamed, blocks_do_not_nest_and_begin_outside_of_transactions_only) {
  must(1, start(9, true));
  EXPECT_FALSE(give(1, start(10, true)));
  decoder_.reset();
  const auto begin = "B\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\0\1\0\0\0\7"s;
  must(1, begin);
  EXPECT_FALSE(give(1, start(11, true)));
}

TEST_F(streamed, nobody_streams_to_a_decoder_that_did_not_ask) {
  pgoutput::decoder plain(sink_);
  for (const auto& message : {start(9, true), commit(9, 1), abort_of(9, 9)}) {
    EXPECT_FALSE(plain.decode(lsn{1}, as_byte_view(message))) << message.front();
  }
}

TEST_F(streamed, messages_that_are_cut_short_are_errors_wherever_they_are_cut) {
  for (const auto& message : {start(9, true), commit(9, 1), abort_of(9, 9)}) {
    for (std::size_t size = 1; size < message.size(); ++size) {
      decoder_.reset();
      EXPECT_FALSE(give(1, message.substr(0, size))) << message.front() << " of " << size;
    }
  }
}

}  // namespace
}  // namespace pulse::capture

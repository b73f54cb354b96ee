#include "log/spill_area.hpp"

#include <map>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/fault_storage.hpp"

namespace pulse::log {
namespace {

using testing::fault_disk;
using testing::open_disk;

class spill_area_on_a_disk : public ::testing::Test {
 protected:
  void open() { area_ = spill_area::open(open_disk(disk_)).value(); }

  static streamed_message message(std::uint32_t xid, std::uint32_t subxid, std::uint64_t at,
                                  std::string_view body) {
    return {xid, subxid, lsn{at}, 'I', as_byte_view(body)};
  }
  void append(std::uint32_t xid, std::uint32_t subxid, std::string_view body) {
    const auto appended = area_->append(message(xid, subxid, ++at_, body));
    ASSERT_TRUE(appended) << appended.error().message();
  }
  std::vector<std::string> bodies(std::uint32_t xid) {
    std::vector<std::string> all;
    const auto reader = area_->read(xid).value();
    for (;;) {
      const auto* one = reader->next().value();
      if (one == nullptr) return all;
      EXPECT_EQ(one->type, 'I');
      all.emplace_back(as_text(one->body));
    }
  }
  std::vector<std::string> spill_files() const {
    std::vector<std::string> found;
    for (const auto& name : disk_->names()) {
      if (name.ends_with(".spill")) found.push_back(name);
    }
    return found;
  }

  std::shared_ptr<fault_disk> disk_ = std::make_shared<fault_disk>();
  std::unique_ptr<spill_area> area_;
  std::uint64_t at_ = 0x1000;
};

TEST_F(spill_area_on_a_disk, gives_interleaved_transactions_back_each_in_its_order) {
  const auto seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto pick = [&](std::uint64_t from, std::uint64_t to) {
    return std::uniform_int_distribution<std::uint64_t>(from, to)(random);
  };
  open();
  std::map<std::uint32_t, std::vector<std::string>> expected;
  for (std::uint32_t xid = 1; xid <= 4; ++xid) area_->begin(xid);
  for (int block = 0; block < 60; ++block) {
    const auto xid = static_cast<std::uint32_t>(pick(1, 4));
    for (auto rows = pick(1, 40); rows > 0; --rows) {
      // Some are larger than what is written or read at once.
      const auto size = pick(1, 50) == 1 ? pick(200'000, 900'000) : pick(0, 3000);
      const std::string body(size, static_cast<char>('a' + pick(0, 25)));
      append(xid, xid, body);
      expected[xid].push_back(body);
    }
    ASSERT_TRUE(area_->flush());
  }
  for (const auto& [xid, all] : expected) EXPECT_TRUE(bodies(xid) == all) << "transaction " << xid;
}

TEST_F(spill_area_on_a_disk, passes_over_subtransactions_that_were_rolled_back) {
  open();
  area_->begin(7);
  append(7, 7, "kept 1");
  append(7, 9, "gone");
  append(7, 8, "kept 2");
  append(7, 9, "gone too");
  ASSERT_TRUE(area_->flush());
  area_->abort_part(7, 9);
  EXPECT_EQ(bodies(7), (std::vector<std::string>{"kept 1", "kept 2"}));
}

TEST_F(spill_area_on_a_disk, leaves_nothing_of_what_is_removed_or_was_left_by_another_process) {
  open();
  area_->begin(7);
  append(7, 7, "one");
  ASSERT_TRUE(area_->flush());
  area_->begin(8);
  append(8, 8, "two");
  ASSERT_TRUE(area_->flush());
  EXPECT_GT(area_->stored_bytes(), 0U);
  EXPECT_EQ(spill_files().size(), 2U);
  ASSERT_TRUE(area_->remove(7));
  EXPECT_EQ(spill_files(), std::vector<std::string>{"8.spill"});
  open();
  EXPECT_EQ(spill_files(), std::vector<std::string>());
  EXPECT_FALSE(area_->holds(8));
}

TEST_F(spill_area_on_a_disk, keeps_what_does_not_fit_until_there_is_room) {
  open();
  area_->begin(7);
  disk_->set_capacity(10);
  append(7, 7, "more than ten bytes");
  ASSERT_TRUE(area_->flush());
  EXPECT_TRUE(area_->out_of_space());
  ASSERT_TRUE(area_->flush());
  EXPECT_TRUE(area_->out_of_space());
  disk_->set_capacity(1U << 20U);
  ASSERT_TRUE(area_->flush());
  EXPECT_FALSE(area_->out_of_space());
  EXPECT_EQ(bodies(7), std::vector<std::string>{"more than ten bytes"});
}

TEST_F(spill_area_on_a_disk, removes_the_file_of_a_transaction_that_never_fitted) {
  open();
  area_->begin(7);
  disk_->set_capacity(0);
  append(7, 7, "anything");
  ASSERT_TRUE(area_->flush());
  ASSERT_TRUE(area_->clear());
  EXPECT_FALSE(area_->out_of_space());
  EXPECT_EQ(spill_files(), std::vector<std::string>());
}

TEST_F(spill_area_on_a_disk, says_that_a_file_is_cut_short) {
  open();
  area_->begin(7);
  append(7, 7, "something");
  ASSERT_TRUE(area_->flush());
  disk_->content("7.spill").resize(20);
  const auto reader = area_->read(7).value();
  const auto read = reader->next();
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, errc::corrupt);
}

TEST_F(spill_area_on_a_disk, refuses_messages_and_commits_of_transactions_it_has_not_seen_begin) {
  open();
  EXPECT_EQ(area_->append(message(5, 5, 1, "x")).error().code, errc::not_found);
  EXPECT_EQ(area_->read(5).error().code, errc::not_found);
  EXPECT_TRUE(area_->remove(5));
}

TEST_F(spill_area_on_a_disk, a_size_beyond_the_file_is_damage_and_makes_no_room) {
  open();
  area_->begin(1);
  append(1, 1, "row");
  ASSERT_TRUE(area_->flush());
  auto& content = disk_->content("1.spill");
  content.replace(0, 4, "\xff\xff\xff\xff");
  const auto reader = area_->read(1).value();
  const auto read = reader->next();
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, errc::corrupt);
}

}  // namespace
}  // namespace pulse::log

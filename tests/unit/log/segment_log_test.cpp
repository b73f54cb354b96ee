// What only the log on disk has to show: full disks, damage, restarts, and what it need not read.
#include "log/segment_log.hpp"

#include <algorithm>
#include <exception>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/temporary_directory.hpp"
#include "tests/unit/log/segment_log_on_a_disk.hpp"

namespace pulse::log {
namespace {

using pulse::testing::collect;
using pulse::testing::sequences;
using pulse::testing::test_event;
using pulse::testing::wait_until;
using testing::fault_disk;
using testing::open_disk;

TEST_F(segment_log_on_a_disk, goes_on_by_itself_when_a_full_disk_has_room_again) {
  disk_->set_capacity(20000);
  open();
  append(1, 400);
  wait_until([&] { return log_->bounds().out_of_space; });
  const auto stored = log_->bounds().last;
  EXPECT_GT(stored, 0U);
  EXPECT_LT(stored, 400U);
  EXPECT_GT(log_->bounds().pending_bytes, 0U);
  EXPECT_EQ(collect(*log_->read(position{}, 0)).size(), stored) << "reads are served meanwhile";
  disk_->set_capacity(10000000);
  wait_until([&] { return log_->bounds().last == 400; });
  EXPECT_FALSE(log_->bounds().out_of_space);
  EXPECT_EQ(collect(*log_->read(position{}, 0)).size(), 400U);
}

TEST_F(segment_log_on_a_disk, opens_on_a_full_disk_and_waits_there) {
  open();
  append_durably(1, 5);
  log_.reset();
  auto& newest = disk_->content(segments().back());
  disk_->set_capacity(newest.size() / 2);
  open();
  append(6, 6);
  wait_until([&] { return log_->bounds().out_of_space; });
  EXPECT_EQ(log_->bounds().last, 5U);
  disk_->set_capacity(10000000);
  wait_until([&] { return log_->bounds().last == 6; });
}

TEST_F(segment_log_on_a_disk, can_be_closed_while_the_disk_is_full) {
  disk_->set_capacity(20000);
  open();
  append(1, 400);
  wait_until([&] { return log_->bounds().out_of_space; });
  const auto stored = log_->bounds().last;
  log_.reset();
  disk_->set_capacity(10000000);
  open();
  EXPECT_EQ(log_->bounds().last, stored);
}

TEST_F(segment_log_on_a_disk, waits_at_its_quota_until_retention_has_dropped_something) {
  options_.storage_bytes_max = 3 * options_.segment_bytes;
  open();
  append(1, 2000);
  wait_until([&] { return log_->bounds().out_of_space; });
  EXPECT_LT(log_->bounds().last, 2000U);
  EXPECT_LE(log_->bounds().stored_bytes, options_.storage_bytes_max);
  // Always one segment fewer, as often as it is full.
  retention_policy keep_one;
  keep_one.bytes_max = options_.segment_bytes;
  wait_until([&] {
    EXPECT_LE(log_->bounds().stored_bytes, options_.storage_bytes_max);
    EXPECT_TRUE(log_->trim(keep_one, unix_time_us{}));
    return log_->bounds().last == 2000;
  });
  EXPECT_FALSE(log_->bounds().out_of_space);
}

TEST_F(segment_log_on_a_disk, a_failed_sync_ends_the_process) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(
      {
        open();
        disk_->syncs_fail = true;
        append(1, 1);
        wait_until([&] { return log_->bounds().last == 1; });
      },
      "log not writable");
}

// The process that met the failure is gone; the next one finds all that was written in the page
// cache, and no later sync writes it.
TEST_F(segment_log_on_a_disk,
       whichever_sync_fails_what_the_next_start_serves_survives_a_power_cut) {
  struct ended : std::exception {};
  options_.stepped.emplace();
  options_.on_fatal = [](const error&) { throw ended(); };
  bool failed = true;
  for (int good_operations = 0; failed; ++good_operations) {
    disk_ = std::make_shared<fault_disk>();
    disk_->before_change = [&, left = good_operations]() mutable {
      if (left-- == 0) disk_->syncs_fail = true;
    };
    event_sequence said = 0;
    try {
      if (auto opened = try_open()) {
        log_ = std::move(opened).value();
        for (std::uint32_t n = 1; n <= 300; n += 10) {
          append(n, n + 9);
          log_->step();
          said = log_->bounds().last;
        }
      }
    } catch (const ended&) {
    }
    log_.reset();
    failed = disk_->syncs_fail;
    disk_->syncs_fail = false;
    disk_->before_change = nullptr;

    open();
    const auto served = sequences(collect(*log_->read(position{}, 0)));
    EXPECT_GE(served.size(), said);
    log_.reset();
    disk_ = disk_->durable();
    open();
    ASSERT_EQ(sequences(collect(*log_->read(position{}, 0))), served)
        << "syncs failed after " << good_operations << " operations";
  }
  EXPECT_GT(segments().size(), 2U) << "seals and new segments are among what failed";
}

TEST_F(segment_log_on_a_disk, marks_of_an_idle_database_do_not_fill_the_disk) {
  open();
  append_durably(1, 3);
  for (std::uint64_t n = 1; n <= 1000; ++n) {
    ASSERT_TRUE(log_->cover(1, lsn{n}));
    wait_until([&] { return log_->bounds().covered_through == lsn{n}; });
  }
  EXPECT_LE(segments().size(), 2U);
  open();
  EXPECT_EQ(log_->bounds().covered_through, lsn{1000});
  append_durably(4, 200);
  EXPECT_EQ(collect(*log_->read(position{}, 0)).size(), 200U);
  open();
  EXPECT_EQ(collect(*log_->read(position{}, 0)).size(), 200U);
}

TEST_F(segment_log_on_a_disk, a_torn_tail_is_cut_and_appending_goes_on) {
  open();
  append_one_by_one(1, 20);
  log_.reset();
  auto& bytes = disk_->content(segments().back());
  const auto last_block = bytes.rfind("PBLK");
  bytes[last_block + 200] = static_cast<char>(bytes[last_block + 200] ^ 1);
  open();
  EXPECT_EQ(log_->bounds().last, 19U);
  EXPECT_EQ(disk_->content(segments().back()).find_last_not_of('\0') >= last_block, false);
  append_durably(20, 30);
  EXPECT_EQ(collect(*log_->read(position{}, 0)).size(), 30U);
}

TEST_F(segment_log_on_a_disk, a_whole_block_of_another_history_is_not_taken_for_the_next) {
  options_.codec = compression::none;
  std::vector<std::string> histories;
  for (const auto* const text : {"one", "two"}) {
    disk_ = std::make_shared<fault_disk>();
    open();
    for (std::uint32_t n = 1; n <= 10; ++n) {
      const auto row = pulse::testing::text_tuple({text});
      auto event = test_event(n).view();
      event.after = tuple_view::trusted(as_byte_view(row));
      ASSERT_TRUE(log_->append(event));
      wait_until([&] { return log_->bounds().last == n; });
    }
    log_.reset();
    histories.push_back(disk_->content(segments().back()));
  }
  const auto last_block = histories[0].rfind("PBLK");
  ASSERT_EQ(histories[1].rfind("PBLK"), last_block);
  disk_->content(segments().back()) =
      histories[0].substr(0, last_block) + histories[1].substr(last_block);
  open();
  EXPECT_EQ(log_->bounds().last, 9U);
}

TEST_F(segment_log_on_a_disk, a_missing_segment_is_refused) {
  open();
  append_durably(1, 1000);
  ASSERT_GE(segments().size(), 3U);
  log_.reset();
  disk_->erase(segments()[1]);
  const auto opened = try_open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, errc::corrupt);
}

// The trailer is the last 128 bytes, the index lies before it.
class seal_damage : public segment_log_on_a_disk,
                    public ::testing::WithParamInterface<std::size_t> {};

TEST_P(seal_damage, is_mended_from_the_blocks) {
  open();
  append_durably(1, 500);
  log_.reset();
  auto& bytes = disk_->content(segments().front());
  auto& byte = bytes[bytes.size() - GetParam()];
  byte = static_cast<char>(byte ^ 1);
  open();
  EXPECT_EQ(collect(*log_->read(position{}, 0)).size(), 500U);
  EXPECT_EQ(collect(*log_->read(test_event(20).view().at, 0)).size(), 480U);
}

INSTANTIATE_TEST_SUITE_P(places, seal_damage, ::testing::Values(1, 60, 127, 128, 150));

TEST_F(segment_log_on_a_disk, a_newer_format_is_refused_by_name) {
  open();
  log_.reset();
  disk_->content(segments().back())[8] = 9;
  const auto opened = try_open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, errc::unsupported);
}

TEST_F(segment_log_on_a_disk, an_event_larger_than_a_segment_has_one_to_itself) {
  open();
  append_durably(1, 3);
  const auto row = pulse::testing::text_tuple({std::string(100000, 'x') + "end"});
  auto event = test_event(4).view();
  event.after = tuple_view::trusted(as_byte_view(row));
  ASSERT_TRUE(log_->append(event));
  append(5, 100);
  wait_until([&] { return log_->bounds().last == 100; });
  open();
  const auto events = collect(*log_->read(position{}, 0));
  ASSERT_EQ(events.size(), 100U);
  EXPECT_EQ(events[3].payload, row);
}

TEST_F(segment_log_on_a_disk, compresses_again_soon_after_what_does_not_shrink) {
  open();
  std::mt19937 random{7};  // NOLINT(*-msc51-cpp): the same every time
  std::vector<std::string> rows;
  for (std::uint32_t n = 1; n <= 100; ++n) {
    std::string value = std::to_string(n) + std::string(1000, 'x');
    if (n <= 50) std::ranges::generate(value, [&] { return static_cast<char>(random()); });
    if (test_event::is_truncate(n)) value.clear();
    rows.push_back(pulse::testing::text_tuple({value}));
    auto event = test_event(n).view();
    event.after = tuple_view::trusted(as_byte_view(rows.back()));
    ASSERT_TRUE(log_->append(event));
    wait_until([&] { return log_->bounds().last == n; });
  }
  const auto as_it_is = [&](std::uint32_t n) {
    return std::ranges::any_of(segments(), [&](const std::string& name) {
      return as_text(as_byte_view(disk_->content(name))).find(rows[n - 1]) != std::string::npos;
    });
  };
  EXPECT_TRUE(as_it_is(1));
  EXPECT_TRUE(as_it_is(50));
  EXPECT_FALSE(as_it_is(90));
  open();
  const auto events = collect(*log_->read(position{}, 0));
  ASSERT_EQ(events.size(), rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(events[i].payload, rows[i]) << i;
}

TEST_F(segment_log_on_a_disk, a_reader_of_a_rare_table_does_not_read_the_others) {
  options_.segment_bytes = 1U << 20U;
  options_.block_bytes_target = 4096;
  options_.codec = compression::none;
  open();
  for (std::uint32_t n = 1; n <= 20000; ++n) {
    const test_event made(n);
    auto event = made.view();
    event.table = n == 15000 ? 5 : 1;
    ASSERT_TRUE(log_->append(event));
  }
  wait_until([&] { return log_->bounds().last == 20000; });
  open();
  const auto before = disk_->bytes_read();
  const auto events = collect(*log_->read(position{}, 5));
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events.front().sequence, 15000U);
  EXPECT_LT(disk_->bytes_read() - before, log_->bounds().stored_bytes / 20);
}

TEST_F(segment_log_on_a_disk, an_unfinished_segment_is_removed) {
  open();
  append_durably(1, 10);
  log_.reset();
  {
    const auto files = open_disk(disk_);
    ASSERT_TRUE(files->create("next.tmp"));
  }
  open();
  EXPECT_EQ(std::ranges::count(disk_->names(), "next.tmp"), 0);
  EXPECT_EQ(log_->bounds().last, 10U);
}

TEST_F(segment_log_on_a_disk, closing_writes_what_was_appended) {
  open();
  append(1, 300);
  open();
  EXPECT_EQ(log_->bounds().last, 300U);
}

TEST(segment_log_directory, has_one_user_at_a_time_and_is_nobody_elses) {
  const pulse::testing::temporary_directory parent;
  const auto path = parent.path() / "log";
  auto files = open_directory(path);
  ASSERT_TRUE(files);
  EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms::owner_all);
  const auto second = open_directory(path);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, errc::conflict);
  files.value().reset();
  EXPECT_TRUE(open_directory(path));
}

}  // namespace
}  // namespace pulse::log

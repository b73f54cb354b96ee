// What every event log promises, asked of each of them.
#include "log/event_log.hpp"

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "log/memory_log.hpp"
#include "log/segment_log.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/test_events.hpp"

namespace pulse::log {
namespace {

using testing::collect;
using testing::test_event;

struct log_under_test {
  std::shared_ptr<void> keeps;
  std::unique_ptr<event_log> log;
};

struct log_kind {
  std::string name;
  std::function<log_under_test()> make;
};

log_kind memory_kind() {
  return {"memory", [] {
            return log_under_test{nullptr, std::make_unique<memory_log>(std::uint64_t{1} << 30U)};
          }};
}

log_kind segment_kind(std::string name, std::uint64_t segment_bytes, std::size_t block_bytes,
                      std::uint64_t recent_bytes, compression codec) {
  return {std::move(name), [=] {
            auto directory = std::make_shared<testing::temporary_directory>();
            segment_log_options options;
            options.segment_bytes = segment_bytes;
            options.block_bytes_target = block_bytes;
            options.recent_bytes_max = recent_bytes;
            options.codec = codec;
            auto files = open_directory(directory->path());
            auto log = segment_log::open(std::move(files).value(), options);
            return log_under_test{directory, std::move(log).value()};
          }};
}

void wait_durable(const event_log& log, event_sequence last) {
  testing::wait_until([&] { return log.bounds().last >= last; });
}

class event_log_contract : public ::testing::TestWithParam<log_kind> {
 protected:
  event_log_contract() : under_test_(GetParam().make()), log_(*under_test_.log) {}

  void append(std::uint32_t from, std::uint32_t to) {
    for (auto n = from; n <= to; ++n) {
      const test_event event(n);
      ASSERT_TRUE(log_.append(event.view()));
    }
    wait_durable(log_, to);
  }

  log_under_test under_test_;
  event_log& log_;
};

TEST_P(event_log_contract, events_are_read_in_the_order_of_appending_with_dense_sequences) {
  append(1, 500);
  const auto reader = log_.read(position{}, 0);
  const auto events = collect(*reader);
  ASSERT_EQ(events.size(), 500U);
  for (std::uint32_t n = 1; n <= 500; ++n) {
    EXPECT_EQ(events[n - 1].sequence, n);
    EXPECT_EQ(events[n - 1].payload, test_event(n).payload());
    EXPECT_EQ(events[n - 1].action, test_event(n).view().action);
    EXPECT_EQ(events[n - 1].id, test_event(n).view().id);
    EXPECT_EQ(events[n - 1].at, test_event(n).view().at);
  }
}

TEST_P(event_log_contract, a_reader_sees_what_becomes_durable_after_its_end) {
  append(1, 10);
  const auto reader = log_.read(position{}, 0);
  EXPECT_EQ(collect(*reader).size(), 10U);
  append(11, 25);
  EXPECT_EQ(collect(*reader).size(), 15U);
  EXPECT_EQ(reader->scanned_sequence(), 25U);
  EXPECT_EQ(reader->scanned_through(), test_event(25).view().at);
}

TEST_P(event_log_contract, reading_after_a_position_excludes_it) {
  append(1, 100);
  const auto reader = log_.read(test_event(40).view().at, 0);
  const auto events = collect(*reader);
  ASSERT_EQ(events.size(), 60U);
  EXPECT_EQ(events.front().sequence, 41U);
}

TEST_P(event_log_contract, a_position_beyond_the_end_waits_for_what_comes_after_it) {
  append(1, 10);
  const auto reader = log_.read(test_event(20).view().at, 0);
  EXPECT_TRUE(collect(*reader).empty());
  append(11, 30);
  const auto events = collect(*reader);
  ASSERT_EQ(events.size(), 10U);
  EXPECT_EQ(events.front().sequence, 21U);
}

TEST_P(event_log_contract, a_reader_of_one_table_gets_only_its_events_and_scans_past_the_others) {
  append(1, 300);
  const auto reader = log_.read(position{}, 2);
  std::size_t expected = 0;
  for (std::uint32_t n = 1; n <= 300; ++n) expected += test_event(n).view().table == 2 ? 1U : 0U;
  const auto events = collect(*reader);
  EXPECT_EQ(events.size(), expected);
  for (const auto& event : events) EXPECT_EQ(event.table, 2U);
  EXPECT_EQ(reader->scanned_through(), test_event(300).view().at);
}

TEST_P(event_log_contract, a_reader_begins_where_another_one_stands) {
  append(1, 100);
  const auto reader = log_.read(position{}, 1);
  for (int i = 0; i < 5; ++i) ASSERT_NE(reader->next().value(), nullptr);
  const auto at = reader->scanned_sequence();
  const auto other = log_.read(reader->scanned_through(), 0);
  const auto events = collect(*other);
  ASSERT_EQ(events.size(), 100U - at);
  EXPECT_EQ(events.front().sequence, at + 1);
}

TEST_P(event_log_contract, events_must_be_appended_in_the_order_of_their_positions) {
  append(1, 5);
  const test_event again(5);
  EXPECT_FALSE(log_.append(again.view()));
  const test_event next(6);
  EXPECT_TRUE(log_.append(next.view()));
}

TEST_P(event_log_contract, the_mark_is_told_once_it_is_durable) {
  append(1, 3);
  ASSERT_TRUE(log_.cover(1, lsn{12345}));
  testing::wait_until([&] { return log_.bounds().covered_through == lsn{12345}; });
  EXPECT_EQ(log_.bounds().timeline, 1U);
  EXPECT_EQ(log_.bounds().last, 3U);
}

TEST_P(event_log_contract, bounds_name_the_newest_position_and_id) {
  EXPECT_EQ(log_.bounds().last, 0U);
  EXPECT_EQ(log_.bounds().first, 1U);
  append(1, 7);
  const auto bounds = log_.bounds();
  EXPECT_EQ(bounds.last_at, test_event(7).view().at);
  EXPECT_EQ(bounds.last_id, test_event(7).view().id);
  testing::wait_until([&] { return log_.bounds().pending_bytes == 0; });
}

TEST_P(event_log_contract, trimmable_is_what_trim_then_drops) {
  append(1, 2000);
  retention_policy policy;
  policy.bytes_max = 50000;
  EXPECT_EQ(log_.trimmable({}, unix_time_us{}), position{});
  const auto through = log_.trimmable(policy, unix_time_us{});
  ASSERT_TRUE(log_.trim(policy, unix_time_us{}));
  EXPECT_EQ(log_.bounds().dropped_through, through);
  EXPECT_EQ(log_.trimmable(policy, unix_time_us{}), through);
}

TEST_P(event_log_contract, trim_drops_nothing_after_the_position_it_is_given) {
  append(1, 2000);
  retention_policy policy;
  policy.bytes_max = 1;
  const auto everything = log_.trimmable(policy, unix_time_us{});
  policy.through_max = test_event(1000).view().at;
  const auto through = log_.trimmable(policy, unix_time_us{});
  EXPECT_LE(through, *policy.through_max);
  EXPECT_LE(through, everything);
  ASSERT_TRUE(log_.trim(policy, unix_time_us{}));
  EXPECT_EQ(log_.bounds().dropped_through, through);
}

TEST_P(event_log_contract, a_reader_that_retention_overtakes_is_told) {
  append(1, 2000);
  const auto slow = log_.read(position{}, 0);
  ASSERT_NE(slow->next().value(), nullptr);
  retention_policy policy;
  policy.bytes_max = 1;
  ASSERT_TRUE(log_.trim(policy, unix_time_us{}));
  const auto bounds = log_.bounds();
  if (bounds.first == 1) {
    // All in the newest segment, which is never dropped.
    EXPECT_EQ(collect(*slow).size(), 1999U);
    return;
  }
  bool told = false;
  for (int i = 0; i < 2000 && !told; ++i) {
    const auto read = slow->next();
    told = !read && read.error().code == errc::gap;
    if (read && *read == nullptr) break;
  }
  EXPECT_TRUE(told);
  const auto from_old_cursor = log_.read(test_event(1).view().at, 0)->next();
  ASSERT_FALSE(from_old_cursor);
  EXPECT_EQ(from_old_cursor.error().code, errc::gap);
  const auto events = collect(*log_.read(position{}, 0));
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.front().sequence, bounds.first);
  EXPECT_EQ(events.back().sequence, 2000U);
}

TEST_P(event_log_contract, progress_is_told_after_bounds_have_moved) {
  std::mutex mutex;
  std::condition_variable moved;
  event_sequence seen = 0;
  log_.on_progress([&] {
    const std::scoped_lock lock(mutex);
    seen = log_.bounds().last;
    moved.notify_all();
  });
  const test_event event(1);
  ASSERT_TRUE(log_.append(event.view()));
  std::unique_lock lock(mutex);
  EXPECT_TRUE(moved.wait_for(lock, std::chrono::seconds(30), [&] { return seen == 1; }));
}

// Readers work on their own threads while one thread appends and retention drops.
TEST_P(event_log_contract, readers_beside_the_writer_miss_nothing_unless_they_are_told) {
  constexpr std::uint32_t last = 3000;
  std::vector<std::thread> threads;
  for (table_id table = 0; table <= 3; ++table) {
    threads.emplace_back([this, table] {
      auto reader = log_.read(position{}, table);
      event_sequence seen = 0;
      while (seen < last && reader->scanned_sequence() < last) {
        const auto read = reader->next();
        if (!read) {
          EXPECT_EQ(read.error().code, errc::gap);
          const auto first = log_.bounds().first;
          EXPECT_GT(first, seen + 1);
          reader = log_.read(position{}, table);
          seen = first - 1;
          continue;
        }
        if (*read == nullptr) {
          std::this_thread::yield();
          continue;
        }
        // What lies between is of other tables, or was dropped before the reader was made anew.
        const auto sequence = (*read)->sequence;
        EXPECT_GT(sequence, seen);
        if (seen >= log_.bounds().first) {
          for (auto n = seen + 1; n < sequence; ++n) {
            EXPECT_NE(test_event(static_cast<std::uint32_t>(n)).view().table, table);
            EXPECT_NE(table, 0U);
          }
        }
        const test_event expected(static_cast<std::uint32_t>(sequence));
        EXPECT_EQ(as_text((*read)->after.bytes()), expected.payload());
        seen = sequence;
      }
    });
  }
  retention_policy policy;
  policy.bytes_max = 100000;
  for (std::uint32_t n = 1; n <= last; ++n) {
    const test_event event(n);
    EXPECT_TRUE(log_.append(event.view()));
    if (n % 500 == 0) {
      EXPECT_TRUE(log_.trim(policy, unix_time_us{}));
    }
  }
  for (auto& thread : threads) thread.join();
}

// Whatever is appended and read in whatever portions, every reader gives what a plain list gives.
TEST_P(event_log_contract, a_reader_pauses_where_it_has_looked_at_as_much_as_it_may) {
  append(1, 1000);
  const auto reader = log_.read(position{}, 1);
  const auto read = collect(*reader, 1);
  EXPECT_GT(read.pauses, 0U);
  EXPECT_EQ(testing::sequences(read.events), testing::sequences(collect(*log_.read({}, 1))));
  EXPECT_EQ(reader->scanned_through(), test_event(1000).view().at);
}

// One of the tables 1 to 3, or all, or several, which may be none that there are.
rc::Gen<wanted_tables> wanted_by_anybody() {
  return rc::gen::oneOf(
      rc::gen::map(rc::gen::inRange<table_id>(0, 4),
                   [](table_id one) { return wanted_tables(one); }),
      rc::gen::map(
          rc::gen::container<std::vector<table_id>>(rc::gen::inRange<table_id>(1, 6)),
          [](std::vector<table_id> several) { return wanted_tables(std::move(several)); }));
}

TEST_P(event_log_contract, several_tables_come_in_the_order_of_the_log) {
  append(1, 300);
  std::vector<event_sequence> expected;
  for (std::uint32_t n = 1; n <= 300; ++n) {
    const auto table = test_event(n).view().table;
    if (table == 1 || table == 3) expected.push_back(n);
  }
  ASSERT_FALSE(expected.empty());
  const wanted_tables tables(std::vector<table_id>{3, 1, 3});
  EXPECT_EQ(testing::sequences(collect(*log_.read(position{}, tables))), expected);
  EXPECT_TRUE(collect(*log_.read(position{}, wanted_tables(std::vector<table_id>{}))).empty());
}

TEST_P(event_log_contract, every_reader_agrees_with_a_plain_list) {
  EXPECT_TRUE(rc::check([&] {
    const auto made = GetParam().make();
    const auto portions =
        *rc::gen::container<std::vector<std::uint32_t>>(rc::gen::inRange<std::uint32_t>(1, 120));
    std::uint32_t appended = 0;
    const auto tables = *wanted_by_anybody();
    const auto early = made.log->read(position{}, tables);
    std::vector<testing::read_event> from_early;
    for (const auto portion : portions) {
      for (std::uint32_t i = 0; i < portion; ++i) {
        const test_event event(++appended);
        RC_ASSERT(made.log->append(event.view()).has_value());
      }
      wait_durable(*made.log, appended);
      for (auto& one : collect(*early)) from_early.push_back(std::move(one));
    }
    const auto after = *rc::gen::inRange<std::uint32_t>(0, appended + 2);
    const auto start = after == 0 ? position{} : test_event(after).view().at;
    std::vector<event_sequence> expected_early;
    std::vector<event_sequence> expected_late;
    for (std::uint32_t n = 1; n <= appended; ++n) {
      if (!tables.contains(test_event(n).view().table)) continue;
      expected_early.push_back(n);
      if (n > after) expected_late.push_back(n);
    }
    RC_ASSERT(testing::sequences(from_early) == expected_early);
    RC_ASSERT(testing::sequences(collect(*made.log->read(start, tables))) == expected_late);
    const auto reader = made.log->read(start, tables);
    const auto in_portions = collect(*reader, *rc::gen::inRange<std::uint64_t>(1, 5000));
    RC_ASSERT(testing::sequences(in_portions.events) == expected_late);
    RC_ASSERT(reader->scanned_sequence() == appended);
  }));
}

INSTANTIATE_TEST_SUITE_P(
    every_log, event_log_contract,
    ::testing::Values(memory_kind(),
                      segment_kind("segments", std::uint64_t{64} << 20U, std::size_t{48} << 10U,
                                   std::uint64_t{8} << 20U, compression::lz4),
                      segment_kind("tiny_segments_from_disk", 16384, 1024, 0, compression::lz4),
                      segment_kind("tiny_segments_half_in_memory", 16384, 2048, 8192,
                                   compression::zstd),
                      segment_kind("one_event_a_block", 65536, 1, 4096, compression::none)),
    [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace pulse::log

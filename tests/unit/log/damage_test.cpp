// Bits that flip in stored segments: found, named by file and place, and the rest is served.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "log/block.hpp"
#include "log/segment_log.hpp"
#include "tests/support/fault_storage.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/test_events.hpp"

namespace pulse::log {
namespace {

using pulse::testing::collect;
using pulse::testing::read_event;
using pulse::testing::test_event;
using pulse::testing::wait_until;
using testing::fault_disk;
using testing::open_disk;

constexpr std::uint32_t event_count = 400;

result<std::unique_ptr<segment_log>> open_on(const std::shared_ptr<fault_disk>& disk) {
  segment_log_options options;
  options.segment_bytes = 32768;
  options.block_bytes_target = 1024;
  options.recent_bytes_max = 0;
  return segment_log::open(open_disk(disk), options);
}

std::vector<std::string> segments(const fault_disk& disk) {
  auto names = disk.names();
  std::erase_if(names, [](const auto& name) { return !name.ends_with(".seg"); });
  return names;
}

// A disk of its own with the same history: several segments, written some events at a time.
std::shared_ptr<fault_disk> written_disk() {
  static const auto written = [] {
    auto disk = std::make_shared<fault_disk>();
    const auto log = open_on(disk).value();
    for (std::uint32_t n = 1; n <= event_count; ++n) {
      log->append(test_event(n).view()).value();
      if (n % 5 == 0) wait_until([&] { return log->bounds().last == n; });
    }
    return disk;
  }();
  return written->after_kill();
}

void flip(fault_disk& disk, const std::string& name, std::size_t byte, unsigned bit) {
  auto& place = disk.content(name)[byte];
  place = static_cast<char>(static_cast<unsigned char>(place) ^ (1U << bit));
}

struct outcome {
  std::vector<read_event> events;
  std::vector<damaged_stretch> lost;
};

// Passes what it is told is damaged, as one does who has recorded it.
outcome read_all(segment_log& log, const position& after, table_id table) {
  outcome all;
  const auto reader = log.read(after, table);
  for (;;) {
    const auto read = reader->next();
    if (!read) {
      const auto lost = reader->damage();
      if (!lost || all.lost.size() > event_count) throw std::runtime_error(read.error().message());
      all.lost.push_back(*lost);
      log.pass_damage(lost->after, lost->through);
    } else if (*read == nullptr) {
      return all;
    } else {
      const auto& event = **read;
      all.events.push_back({event.sequence, event.id, event.at, event.table, event.action,
                            std::string(as_text(event.after.bytes()))});
    }
  }
}

bool says_lost(const std::vector<damaged_stretch>& lost, const event_view& event) {
  return std::ranges::any_of(lost, [&](const damaged_stretch& one) {
    const auto& tables = one.tables;
    return event.at > one.after && event.at <= one.through &&
           (tables.empty() || std::ranges::find(tables, event.table) != tables.end());
  });
}

// Each event that should be there is, unchanged and in its place, or is said to be lost.
void check(const outcome& found, const std::vector<damaged_stretch>& lost, event_sequence last,
           table_id table) {
  auto next = found.events.begin();
  for (std::uint32_t n = 1; n <= last; ++n) {
    const test_event expected(n);
    const auto event = expected.view();
    if (table != 0 && event.table != table) continue;
    if (next != found.events.end() && next->sequence == n) {
      RC_ASSERT(next->at == event.at);
      RC_ASSERT(next->id == event.id);
      RC_ASSERT(next->payload == expected.payload());
      ++next;
    } else {
      RC_ASSERT(says_lost(lost, event));
    }
  }
  RC_ASSERT(next == found.events.end());
}

RC_GTEST_PROP(damage, every_event_is_delivered_right_or_said_to_be_lost, ()) {
  const auto disk = written_disk();
  const auto names = segments(*disk);
  const auto flips = *rc::gen::inRange(1, 5);
  for (int i = 0; i < flips; ++i) {
    const auto name = *rc::gen::elementOf(names);
    const auto byte = *rc::gen::inRange<std::size_t>(0, disk->content(name).size());
    // Another format's number is believed: the file is refused, and nothing is lost.
    if (byte >= 8 && byte < 12) continue;
    flip(*disk, name, byte, *rc::gen::inRange(0U, 8U));
  }
  auto opened = open_on(disk);
  if (!opened) {
    RC_ASSERT(flips > 1);
    RC_ASSERT(opened.error().code == errc::corrupt);
    return;
  }
  auto& log = **opened;
  const auto last = log.bounds().last;
  std::vector<damaged_stretch> lost;
  for (const table_id table : {1U, 2U, 0U}) {
    const auto found = read_all(log, {}, table);
    lost.insert(lost.end(), found.lost.begin(), found.lost.end());
    check(found, lost, last, table);
  }
  for (const auto& one : lost) RC_ASSERT(one.place.find(".seg, byte ") != std::string::npos);
  RC_ASSERT(read_all(log, {}, 0).lost.empty());
}

TEST(damage, is_named_by_file_and_offset_and_what_lies_around_it_is_served) {
  for (const bool newest : {false, true}) {
    const auto disk = written_disk();
    // Without those behind it the first segment is the newest one, its seal apart.
    const auto name = segments(*disk).front();
    if (newest) {
      for (const auto& other : segments(*disk))
        if (other != name) disk->erase(other);
      auto& bytes = disk->content(name);
      bytes[bytes.size() - 1] ^= 1;
    }
    const auto block = disk->content(name).find("PBLK", 8000);
    flip(*disk, name, block + 180, 3);
    auto opened = open_on(disk);
    ASSERT_TRUE(opened) << opened.error().message();
    const auto found = read_all(**opened, {}, 0);
    ASSERT_EQ(found.lost.size(), 1U);
    const auto& lost = found.lost.front();
    EXPECT_NE(lost.place.find(name + ", byte " + std::to_string(block)), std::string::npos)
        << lost.place;
    EXPECT_GT(lost.event_count, 0U);
    EXPECT_EQ(found.events.size() + lost.event_count, (*opened)->bounds().last);
    if (!newest) {
      EXPECT_EQ((*opened)->bounds().last, event_count);
    }
  }
}

// Whatever a reader had read already, from the beginning of a run or of a segment's index: it goes
// on from there when the disk reads again, and so does another one.
TEST(damage, is_not_what_a_disk_that_fails_to_read_leaves) {
  for (std::uint32_t before = 0; before <= event_count; before += 7) {
    const auto disk = written_disk();
    const auto log = open_on(disk).value();
    const auto reader = log->read({}, 0);
    std::vector<event_sequence> read;
    read.reserve(event_count);
    for (std::uint32_t n = 0; n < before; ++n) read.push_back((*reader->next().value()).sequence);
    disk->reads_fail = true;
    std::optional<error> failure;
    while (!failure) {
      const auto next = reader->next();
      if (!next) {
        failure = next.error();
      } else if (*next == nullptr) {
        break;
      } else {
        read.push_back((*next)->sequence);
      }
    }
    if (failure) {
      EXPECT_EQ(failure->code, errc::io) << failure->message();
      EXPECT_NE(failure->what.find("fails to read byte "), std::string::npos) << failure->what;
      EXPECT_FALSE(reader->damage());
      const auto again = reader->next();
      ASSERT_FALSE(again);
      EXPECT_EQ(again.error().code, errc::io);
    } else {
      EXPECT_EQ(read.size(), event_count);
    }
    disk->reads_fail = false;
    for (const auto& event : collect(*reader)) read.push_back(event.sequence);
    ASSERT_EQ(read.size(), event_count);
    for (std::uint32_t n = 0; n < event_count; ++n) ASSERT_EQ(read[n], n + 1);
    EXPECT_EQ(read_all(*log, {}, 0).events.size(), event_count);
    EXPECT_TRUE(read_all(*log, {}, 0).lost.empty());
  }
}

// A header that names other tables than its block has would have readers pass the block.
TEST(damage, of_the_tables_that_a_block_names_hides_no_event) {
  constexpr std::size_t first_table = block_header_bytes;
  const auto blocks = [](const std::string& bytes) {
    std::vector<std::size_t> all;
    for (auto at = bytes.find("PBLK"); at != std::string::npos; at = bytes.find("PBLK", at + 1))
      all.push_back(at);
    return all;
  };
  const auto pristine = written_disk();
  const auto name = segments(*pristine).front();
  std::size_t lost_in_all = 0;
  for (const auto block : blocks(pristine->content(name))) {
    const auto disk = written_disk();
    flip(*disk, name, block + first_table, 3);
    const auto log = open_on(disk).value();
    std::vector<damaged_stretch> lost;
    for (const table_id table : {1U, 2U, 3U}) {
      const auto found = read_all(*log, {}, table);
      lost.insert(lost.end(), found.lost.begin(), found.lost.end());
      auto next = found.events.begin();
      for (std::uint32_t n = 1; n <= event_count; ++n) {
        const test_event expected(n);
        const auto event = expected.view();
        if (event.table != table) continue;
        if (next != found.events.end() && next->sequence == n) {
          ++next;
        } else {
          EXPECT_TRUE(says_lost(lost, event)) << "event " << n << " of table " << table;
        }
      }
    }
    lost_in_all += lost.size();
  }
  EXPECT_GT(lost_in_all, 0U);
}

// What is the same for whoever meets it is recorded once.
TEST(damage, has_the_same_bounds_for_every_reader_and_after_a_restart) {
  const auto disk = written_disk();
  const auto name = segments(*disk).front();
  flip(*disk, name, disk->content(name).find("PBLK", 8000) + 180, 3);
  std::vector<std::pair<position, position>> bounds;
  for (const table_id table : {0U, 1U, 2U, 3U}) {
    const auto found = read_all(*open_on(disk).value(), {}, table);
    for (const auto& lost : found.lost) bounds.emplace_back(lost.after, lost.through);
  }
  ASSERT_GE(bounds.size(), 2U);
  EXPECT_EQ(std::ranges::count(bounds, bounds.front()), std::ssize(bounds));
}

}  // namespace
}  // namespace pulse::log

// Readers end where events must not be delivered yet, and go on when they may.
#include "log/readable_end.hpp"

#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "log/memory_log.hpp"
#include "tests/support/test_events.hpp"

namespace pulse::log {
namespace {

using pulse::testing::collect;
using pulse::testing::test_event;

constexpr std::uint64_t plenty = std::uint64_t{1} << 30U;

void fill(memory_log& log, std::uint32_t count) {
  for (std::uint32_t n = 1; n <= count; ++n) ASSERT_TRUE(log.append(test_event(n).view()));
}
position place(std::uint32_t n) {
  return test_event(n).view().at;
}

TEST(readable_end, is_where_readers_end_and_they_go_on_when_it_moves) {
  memory_log log(plenty);
  fill(log, 30);
  readable_end end;
  const auto reader = read_deliverable(log, &end, {}, 0);
  EXPECT_TRUE(collect(*reader).empty());
  EXPECT_EQ(reader->scanned_through(), position{});
  EXPECT_TRUE(reader->held_back());
  end.move(place(12));
  EXPECT_EQ(collect(*reader).size(), 12U);
  EXPECT_EQ(reader->scanned_through(), place(12));
  EXPECT_EQ(reader->scanned_sequence(), 12U);
  end.move(place(3));
  end.move(place(30));
  EXPECT_EQ(collect(*reader).size(), 18U);
  EXPECT_EQ(reader->scanned_through(), place(30));
  EXPECT_FALSE(reader->held_back());
}

TEST(readable_end, ahead_of_the_durable_end_changes_nothing) {
  memory_log log(plenty);
  fill(log, 10);
  readable_end end;
  end.move(place(1000));
  const auto reader = read_deliverable(log, &end, place(4), 0);
  EXPECT_EQ(collect(*reader).size(), 6U);
  EXPECT_EQ(reader->scanned_through(), place(10));
}

TEST(readable_end, a_reader_of_one_table_has_scanned_no_further_than_others_may_read) {
  memory_log log(plenty);
  fill(log, 30);
  readable_end end;
  end.move(place(12));
  const auto table = test_event(13).view().table;
  const auto reader = read_deliverable(log, &end, place(13), table);
  ASSERT_EQ(*reader->next(), nullptr);
  EXPECT_EQ(reader->scanned_through(), place(13)) << "where it has begun";
  const auto none = read_deliverable(log, &end, {}, 77);
  ASSERT_EQ(*none->next(), nullptr);
  EXPECT_EQ(none->scanned_through(), place(12));
  EXPECT_FALSE(none->held_back()) << "nothing that it wants is stored";
}

RC_GTEST_PROP(readable_end_property, every_wanted_event_comes_once_and_none_from_behind_it, ()) {
  memory_log log(plenty);
  readable_end end;
  const auto table = static_cast<table_id>(*rc::gen::inRange(0, 4));
  const auto reader = read_deliverable(log, &end, {}, table);
  std::uint32_t stored = 0;
  std::uint32_t open = 0;
  std::vector<event_sequence> came;
  const auto wanted_of = [&](std::uint32_t all) {
    std::vector<event_sequence> expected;
    for (std::uint32_t n = 1; n <= all; ++n) {
      if (table == 0 || test_event(n).view().table == table) expected.push_back(n);
    }
    return expected;
  };
  for (auto steps = *rc::gen::inRange(1, 60); steps > 0; --steps) {
    const auto what = *rc::gen::inRange(0, 3);
    if (what == 0) {
      const auto more = static_cast<std::uint32_t>(*rc::gen::inRange(1, 8));
      for (std::uint32_t i = 0; i < more; ++i)
        RC_ASSERT(static_cast<bool>(log.append(test_event(++stored).view())));
    } else if (what == 1) {
      open += static_cast<std::uint32_t>(*rc::gen::inRange(0, 8));
      if (open != 0) end.move(place(open));
    } else {
      if (*rc::gen::arbitrary<bool>()) reader->allow(*rc::gen::inRange<std::uint64_t>(0, 1000));
      const auto read = reader->next();
      RC_ASSERT(static_cast<bool>(read));
      if (*read != nullptr) {
        came.push_back((*read)->sequence);
      } else if (!reader->paused() && !reader->held_back()) {
        RC_ASSERT(came == wanted_of(stored));
      }
      RC_ASSERT(reader->scanned_through() <= end.get());
    }
    // RC_ASSERT evaluates both sides of an `||`.
    const bool none_from_behind = came.empty() || came.back() <= open;
    RC_ASSERT(none_from_behind);
  }
  end.move(place(stored + 1));
  reader->allow(plenty);
  const auto rest = collect(*reader);
  came.reserve(came.size() + rest.size());
  for (const auto& one : rest) came.push_back(one.sequence);
  RC_ASSERT(came == wanted_of(stored));
}

}  // namespace
}  // namespace pulse::log

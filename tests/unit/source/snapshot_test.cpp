#include "source/snapshot.hpp"

#include <algorithm>
#include <set>
#include <string>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace pulse::source {
namespace {

constexpr std::uint64_t epoch = std::uint64_t{1} << 32U;

snapshot parsed(const std::string& text) {
  const auto found = parse_snapshot(text);
  EXPECT_TRUE(found) << text;
  return found ? *found : snapshot{};
}

TEST(snapshots, say_of_whole_ids_which_transactions_have_ended) {
  const auto seen = parsed("4294967306:4294967316:4294967306,4294967310");
  EXPECT_TRUE(seen.has_ended(10)) << "of an earlier epoch";
  EXPECT_TRUE(seen.has_ended(epoch + 9));
  EXPECT_FALSE(seen.has_ended(epoch + 10));
  EXPECT_TRUE(seen.has_ended(epoch + 11));
  EXPECT_FALSE(seen.has_ended(epoch + 14));
  EXPECT_FALSE(seen.has_ended(epoch + 20));
  EXPECT_FALSE(seen.has_ended(2 * epoch)) << "of a later epoch";
  EXPECT_EQ(seen.widen(10), epoch + 10);
}

TEST(snapshots, are_read_as_postgresql_writes_them) {
  const auto quiet = parsed("745:745:");
  EXPECT_EQ(quiet.xmin, 745U);
  EXPECT_EQ(quiet.xmax, 745U);
  EXPECT_TRUE(quiet.in_progress.empty());
  const auto busy = parsed("10:20:10,14,15");
  EXPECT_EQ(busy.xmin, 10U);
  EXPECT_EQ(busy.xmax, 20U);
  EXPECT_EQ(busy.in_progress, (std::vector<std::uint64_t>{10, 14, 15}));
  EXPECT_EQ(parsed("4294967301:4294967301:").xmin, epoch + 5);
}

TEST(snapshots, text_that_is_none_is_refused) {
  for (const auto* text : {"", "10", "10:20", "20:10:", "a:20:", "10:20:x", "10:20:1:2",
                           "-1:20:", "10:20: 14", "99999999999999999999:1:", "::"}) {
    EXPECT_FALSE(parse_snapshot(text)) << text;
  }
}

TEST(snapshots, see_what_is_below_xmin_and_what_has_ended_below_xmax) {
  const auto seen = parsed("10:20:10,14,15");
  EXPECT_TRUE(seen.sees(9));
  EXPECT_FALSE(seen.sees(10));
  EXPECT_TRUE(seen.sees(11));
  EXPECT_FALSE(seen.sees(15));
  EXPECT_TRUE(seen.sees(19));
  EXPECT_FALSE(seen.sees(20)) << "its commit is in the WAL before it has ended for others";
  EXPECT_TRUE(seen.all_ended_through(9));
  EXPECT_FALSE(seen.all_ended_through(11));
}

TEST(snapshots, ids_of_the_stream_wrap_around_and_those_of_snapshots_do_not) {
  snapshot seen;
  seen.xmin = epoch - 2;
  seen.xmax = epoch + 5;
  seen.in_progress = {epoch - 2, epoch + 3};
  EXPECT_TRUE(seen.sees(0xFFFFFFFD));
  EXPECT_FALSE(seen.sees(0xFFFFFFFE));
  EXPECT_TRUE(seen.sees(0xFFFFFFFF));
  EXPECT_FALSE(seen.sees(3));
  EXPECT_TRUE(seen.sees(4));
  EXPECT_FALSE(seen.sees(5));
}

// Held to the definition, on the numbers as they are before they wrap around.
RC_GTEST_PROP(snapshot_property, sees_exactly_what_has_ended, ()) {
  const auto base = *rc::gen::element(std::uint64_t{1000}, epoch - 20, 7 * epoch - 3, 9 * epoch);
  const auto running = *rc::gen::container<std::set<std::uint64_t>>(rc::gen::inRange(0, 40));
  const auto ended = static_cast<std::uint64_t>(*rc::gen::inRange(0, 40));
  snapshot seen;
  seen.xmax = base + ended + 1;
  seen.xmin = seen.xmax;
  std::string text;
  for (const auto offset : running) {
    const auto xid = base + offset;
    if (xid >= seen.xmax) continue;
    seen.xmin = std::min(seen.xmin, xid);
    if (!text.empty()) text += ',';
    text += std::to_string(xid);
  }
  const auto found =
      parse_snapshot(std::to_string(seen.xmin) + ":" + std::to_string(seen.xmax) + ":" + text);
  RC_ASSERT(static_cast<bool>(found));
  for (std::uint64_t offset = 0; offset < 60; ++offset) {
    const auto xid = base + offset;
    const bool expected = xid < seen.xmax && !running.contains(offset);
    RC_ASSERT(found->sees(static_cast<std::uint32_t>(xid)) == expected);
  }
}

}  // namespace
}  // namespace pulse::source

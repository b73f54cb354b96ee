// Pages: each event once and in the log's order, whatever the limits of the pages are.
#include <algorithm>
#include <set>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "tests/unit/streams/page_fixture.hpp"

namespace pulse::streams::page_reader_test {
namespace {

using numbers = std::vector<std::uint64_t>;

TEST(pages, merge_several_tables_in_the_order_of_the_log) {
  page_world world;
  for (std::uint64_t i = 1; i <= 9; ++i) world.append(i, i % 3 == 0 ? "a" : i % 3 == 1 ? "b" : "c");
  const auto page =
      world.read(page_world::request({page_world::wanted("a"), page_world::wanted("c")}));
  ASSERT_TRUE(page);
  EXPECT_EQ(page_world::numbers(*page), (numbers{2, 3, 5, 6, 8, 9}));
  EXPECT_TRUE(page->caught_up);
  EXPECT_EQ(page->next, page_world::place_of(9));
}

TEST(pages, pass_what_nobody_wanted) {
  page_world world;
  for (std::uint64_t i = 1; i <= 500; ++i) world.append(i, "noise");
  world.append(501, "a", "unwanted");
  const auto page = world.read(page_world::request({page_world::wanted("a", R"({"kind":"b"})")}));
  ASSERT_TRUE(page);
  EXPECT_TRUE(page->events.empty());
  EXPECT_TRUE(page->caught_up);
  EXPECT_EQ(page->next, page_world::place_of(501));
}

TEST(pages, end_at_their_limits_of_events_and_bytes) {
  page_world world;
  for (std::uint64_t i = 1; i <= 10; ++i) world.append(i, "a", std::string(1000, 'x'));
  auto request = page_world::request({page_world::wanted("a")});
  request.events_max = 3;
  auto page = world.read(request);
  ASSERT_TRUE(page);
  EXPECT_EQ(page_world::numbers(*page), (numbers{1, 2, 3}));
  EXPECT_FALSE(page->caught_up);
  EXPECT_EQ(page->next, page_world::place_of(3));

  request.events_max = 1000;
  request.bytes_max = 3000;
  page = world.read(request);
  EXPECT_EQ(page_world::numbers(*page), (numbers{1, 2}));
  EXPECT_LE(page->events_json.size(), 3000U);
  // One that is larger than a page goes alone.
  request.bytes_max = 100;
  page = world.read(request);
  EXPECT_EQ(page_world::numbers(*page), (numbers{1}));
}

TEST(pages, end_at_the_readable_end) {
  log::readable_end end;
  page_world world(&end);
  for (std::uint64_t i = 1; i <= 4; ++i) world.append(i, "a");
  end.move(page_world::place_of(2));
  const auto request = page_world::request({page_world::wanted("a")});
  auto page = world.read(request);
  ASSERT_TRUE(page);
  EXPECT_EQ(page_world::numbers(*page), (numbers{1, 2}));
  EXPECT_TRUE(page->caught_up);
  EXPECT_EQ(page->next, page_world::place_of(2));
  end.move(page_world::place_of(4));
  page = world.read(page_world::request({page_world::wanted("a")}, page->next));
  EXPECT_EQ(page_world::numbers(*page), (numbers{3, 4}));
}

TEST(pages, until_an_end_have_nothing_after_it) {
  page_world world;
  for (std::uint64_t i = 1; i <= 6; ++i) world.append(i, i % 2 == 0 ? "a" : "b");
  auto request = page_world::request({page_world::wanted("a")});
  request.until = page_world::place_of(5);
  request.events_max = 1;
  auto page = world.read(request);
  ASSERT_TRUE(page);
  EXPECT_EQ(page_world::numbers(*page), (numbers{2}));
  EXPECT_FALSE(page->caught_up);
  request.after = page->next;
  request.events_max = 10;
  page = world.read(request);
  EXPECT_EQ(page_world::numbers(*page), (numbers{4}));
  EXPECT_TRUE(page->caught_up);
  EXPECT_EQ(page->next, page_world::place_of(5));
}

TEST(pages, until_an_end_do_not_care_for_a_gap_after_it) {
  page_world world;
  for (std::uint64_t i = 1; i <= 3; ++i) world.append(i, "a");
  world.served->use_gaps({page_world::gap(7, page_world::place_of(3), page_world::place_of(10))});
  world.append(11, "a");
  auto request = page_world::request({page_world::wanted("a")});
  request.until = page_world::place_of(2);
  auto page = world.read(request);
  ASSERT_TRUE(page);
  EXPECT_EQ(page_world::numbers(*page), (numbers{1, 2}));
  EXPECT_TRUE(page->caught_up);
  request.until = page_world::place_of(11);
  request.after = page_world::place_of(3);
  EXPECT_FALSE(world.read(request)) << "the gap is before this end";
}

TEST(pages, until_an_end_are_caught_up_when_the_log_covers_it) {
  page_world world;
  world.append(1, "a");
  auto request = page_world::request({page_world::wanted("a")}, page_world::place_of(1));
  request.until = page_world::place_of(9);
  auto page = world.read(request);
  ASSERT_TRUE(page);
  EXPECT_FALSE(page->caught_up) << "an event before the end may still come";
  request.wait = std::chrono::hours(1);
  const auto asked = world.ask(request);
  world.progress();
  EXPECT_FALSE(asked->answer);
  ASSERT_TRUE(world.stored->cover(1, lsn{1010}));
  while (world.stored->step()) {
  }
  world.progress();
  ASSERT_TRUE(asked->answer && *asked->answer);
  EXPECT_TRUE((*asked->answer)->caught_up);
  EXPECT_TRUE((*asked->answer)->events.empty());
}

TEST(pages, end_before_a_gap_and_continue_behind_it_when_asked_to) {
  page_world world;
  for (std::uint64_t i = 1; i <= 3; ++i) world.append(i, "a");
  world.served->use_gaps({page_world::gap(7, page_world::place_of(3), page_world::place_of(10))});
  for (std::uint64_t i = 11; i <= 12; ++i) world.append(i, "a");

  auto request = page_world::request({page_world::wanted("a")});
  auto page = world.read(request);
  ASSERT_TRUE(page);
  EXPECT_EQ(page_world::numbers(*page), (numbers{1, 2, 3}));
  EXPECT_FALSE(page->caught_up) << "there is more, behind the gap";
  request.after = page->next;
  const auto refused = world.read(request);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().why.code, errc::gap);
  ASSERT_TRUE(refused.error().gap);
  EXPECT_EQ(refused.error().gap->id, 7U);
  EXPECT_FALSE(refused.error().is_expired);
  EXPECT_NE(refused.error().why.next.find("acceptGap=7"), std::string::npos);

  // Accepted before it was reached: the events before it come first.
  request = page_world::request({page_world::wanted("a")});
  request.accepted_gaps = {7};
  request.events_max = 2;
  page = world.read(request);
  EXPECT_EQ(page_world::numbers(*page), (numbers{1, 2}));
  EXPECT_EQ(page->accepted_gaps, std::vector<std::uint64_t>{7});
  request.after = page->next;
  page = world.read(request);
  EXPECT_EQ(page_world::numbers(*page), (numbers{3, 11}));
  EXPECT_TRUE(page->accepted_gaps.empty()) << "it is behind";
}

TEST(pages, stop_at_a_gap_without_an_end_whoever_accepts_it) {
  page_world world;
  world.append(1, "a");
  world.served->use_gaps({page_world::gap(7, page_world::place_of(1), std::nullopt)});
  auto request = page_world::request({page_world::wanted("a")}, page_world::place_of(1));
  request.accepted_gaps = {7};
  const auto refused = world.read(request);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().why.next.find("acceptGap"), std::string::npos);
}

TEST(pages, are_not_blocked_by_gaps_of_other_tables) {
  page_world world;
  for (std::uint64_t i = 1; i <= 4; ++i) world.append(i, i % 2 == 0 ? "a" : "b");
  auto gap = page_world::gap(7, page_world::place_of(1), page_world::place_of(3));
  gap.what.tables = {world.relations.table(0, {"public", "a"}).value()};
  world.served->use_gaps({gap});
  const auto other = world.read(page_world::request({page_world::wanted("b")}));
  ASSERT_TRUE(other);
  EXPECT_EQ(page_world::numbers(*other), (numbers{1, 3}));
  auto both = page_world::request({page_world::wanted("a"), page_world::wanted("b")});
  auto page = world.read(both);
  EXPECT_EQ(page_world::numbers(*page), (numbers{1}));
  both.accepted_gaps = {7};
  page = world.read(both);
  EXPECT_EQ(page_world::numbers(*page), (numbers{1, 2, 3, 4}))
      << "what is stored within the gap is delivered";
}

TEST(pages, never_have_orphaned_events) {
  page_world world;
  for (std::uint64_t i = 1; i <= 3; ++i) world.append(i, "a");
  auto gap = page_world::gap(7, page_world::place_of(1), page_world::place_of(2));
  gap.what.kind = gap_kind::forked;
  gap.accepted_at = unix_time_us{};
  world.served->use_gaps({gap});
  const auto page = world.read(page_world::request({page_world::wanted("a")}));
  ASSERT_TRUE(page);
  EXPECT_EQ(page_world::numbers(*page), (numbers{1, 3}));
}

TEST(pages, say_what_is_kept_when_retention_took_the_place) {
  page_world world;
  for (std::uint64_t i = 1; i <= 400; ++i) world.append(i, "a");
  log::retention_policy policy;
  policy.bytes_max = 20'000;
  ASSERT_TRUE(world.stored->trim(policy, unix_time_us{}));
  const auto dropped = world.stored->bounds().dropped_through;
  ASSERT_GT(dropped, page_world::place_of(1));
  const auto refused =
      world.read(page_world::request({page_world::wanted("a")}, page_world::place_of(1)));
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is_expired);
  EXPECT_EQ(refused.error().oldest, page_world::id_of(world.stored->bounds().first));
  const auto page = world.read(page_world::request({page_world::wanted("a")}, dropped));
  ASSERT_TRUE(page);
  EXPECT_EQ(page_world::numbers(*page).front(), world.stored->bounds().first);
}

TEST(pages, are_refused_with_a_filter_that_does_not_fit) {
  page_world world;
  const auto refused =
      world.read(page_world::request({page_world::wanted("a", R"({"colour":"red"})")}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().why.code, errc::invalid_argument);
}

// Pages of random limits, one after the other, are one reading of everything: over several tables
// with filters, across segments, after retention, over a gap.
RC_GTEST_PROP(pages_property, one_after_the_other_are_one_reading_of_everything, ()) {
  const std::vector<std::string> tables{"a", "b", "c"};
  const std::vector<std::string> kinds{"x", "y", "z"};
  page_world world;
  const auto count = *rc::gen::inRange<std::uint64_t>(1, 400);
  const auto gap_begin = *rc::gen::inRange<std::uint64_t>(0, count + 1);
  const auto gap_size = *rc::gen::inRange<std::uint64_t>(0, 20);
  struct stored {
    std::uint64_t number;
    std::string table;
    std::string kind;
  };
  std::vector<stored> all;
  for (std::uint64_t i = 1; i <= count; ++i) {
    if (i == gap_begin + 1 && gap_size > 0) {
      world.served->use_gaps({page_world::gap(7, page_world::place_of(gap_begin),
                                              page_world::place_of(gap_begin + gap_size))});
    }
    const auto number = i <= gap_begin ? i : i + gap_size;
    all.push_back({number, *rc::gen::elementOf(tables), *rc::gen::elementOf(kinds)});
    world.append(number, all.back().table, all.back().kind);
  }
  if (*rc::gen::arbitrary<bool>()) {
    log::retention_policy policy;
    policy.bytes_max = *rc::gen::inRange<std::uint64_t>(5000, 40'000);
    RC_ASSERT(world.stored->trim(policy, unix_time_us{}).has_value());
  }

  std::vector<page_table> wanted;
  std::set<std::pair<std::string, std::string>> kept;
  for (const auto& table : tables) {
    if (!wanted.empty() && *rc::gen::arbitrary<bool>()) continue;
    const auto kind = *rc::gen::elementOf(kinds);
    const bool filtered = *rc::gen::arbitrary<bool>();
    wanted.push_back(page_world::wanted(table, filtered ? R"({"kind":")" + kind + "\"}" : "{}"));
    for (const auto& one : kinds) {
      if (!filtered || one == kind) kept.emplace(table, one);
    }
  }
  const auto from = world.stored->bounds().dropped_through;
  std::vector<std::uint64_t> expected;
  for (const auto& one : all) {
    if (page_world::place_of(one.number) > from && kept.contains({one.table, one.kind}))
      expected.push_back(one.number);
  }

  std::vector<std::uint64_t> read;
  position after = from;
  std::vector<std::uint64_t> accepted;
  for (int pages = 0;; ++pages) {
    RC_ASSERT(pages < 2000);
    auto request = page_world::request(wanted, after);
    request.events_max = *rc::gen::inRange<std::size_t>(1, 50);
    request.bytes_max = *rc::gen::inRange<std::size_t>(1, 5000);
    request.accepted_gaps = accepted;
    auto page = world.read(std::move(request));
    if (!page && page.error().gap) {
      RC_ASSERT(accepted.empty());
      const bool is_before_it = read.empty() || read.back() <= gap_begin;
      RC_ASSERT(is_before_it);
      accepted = {page.error().gap->id};
      continue;
    }
    RC_ASSERT(page.has_value());
    for (const auto number : page_world::numbers(*page)) read.push_back(number);
    RC_ASSERT(page->next >= after);
    after = page->next;
    accepted = page->accepted_gaps;
    if (page->caught_up) break;
  }
  RC_ASSERT(read == expected);
  RC_ASSERT(after >= page_world::place_of(all.back().number));
}

}  // namespace
}  // namespace pulse::streams::page_reader_test

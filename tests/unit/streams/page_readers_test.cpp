// Who waits for a page, and in which line.
#include "tests/unit/streams/page_fixture.hpp"

namespace pulse::streams::page_readers_test {
namespace {

using numbers = std::vector<std::uint64_t>;
using std::chrono::hours;

page_request waiting_for(const std::string& table, const std::string& create = "{}") {
  auto request = page_world::request({page_world::wanted(table, create)});
  request.wait = hours(1);
  return request;
}

TEST(waiting_pages, come_with_the_first_event_of_their_table) {
  page_world world;
  world.append(1, "b");
  auto one = waiting_for("a");
  one.tables.push_back(page_world::wanted("c"));
  const auto asked = world.ask(std::move(one));
  const auto other = world.ask(waiting_for("d"));
  EXPECT_FALSE(asked->answer);
  world.append(2, "b");
  world.progress();
  EXPECT_FALSE(asked->answer) << "of another table";
  world.append(3, "c");
  world.progress();
  ASSERT_TRUE(asked->answer && *asked->answer);
  EXPECT_EQ(page_world::numbers(**asked->answer), (numbers{3}));
  EXPECT_FALSE(other->answer);
  world.append(4, "d");
  world.progress();
  ASSERT_TRUE(other->answer && *other->answer);
  EXPECT_EQ(page_world::numbers(**other->answer), (numbers{4}));
}

TEST(waiting_pages, wait_on_after_an_event_that_their_filter_refuses) {
  page_world world;
  const auto asked = world.ask(waiting_for("a", R"({"kind":"wanted"})"));
  for (std::uint64_t i = 1; i <= 50; ++i) {
    world.append(i, "a", "other");
    world.progress();
  }
  EXPECT_FALSE(asked->answer);
  world.append(51, "a", "wanted");
  world.progress();
  ASSERT_TRUE(asked->answer && *asked->answer);
  EXPECT_EQ(page_world::numbers(**asked->answer), (numbers{51}));
}

// As "now" is where the database's history ends, which is behind the last event.
TEST(waiting_pages, begin_behind_the_last_event_beside_others_that_begin_there) {
  page_world world;
  world.append(1, "a");
  auto ahead = waiting_for("a");
  ahead.after = page_world::place_of(9);
  const auto later = world.ask(std::move(ahead));
  auto normal = waiting_for("a");
  normal.after = page_world::place_of(1);
  // Comes back only when nobody reads in vain.
  const auto next = world.ask(std::move(normal));
  world.append(2, "a");
  world.progress();
  ASSERT_TRUE(next->answer && *next->answer);
  EXPECT_EQ(page_world::numbers(**next->answer), (numbers{2}));
  EXPECT_FALSE(later->answer);
  world.append(10, "a");
  world.progress();
  ASSERT_TRUE(later->answer && *later->answer);
  EXPECT_EQ(page_world::numbers(**later->answer), (numbers{10}));
}

TEST(waiting_pages, wait_for_the_readable_end) {
  log::readable_end end;
  page_world world(&end);
  const auto asked = world.ask(waiting_for("a"));
  world.append(1, "a");
  world.progress();
  EXPECT_FALSE(asked->answer) << "other sessions may not see it yet";
  end.move(page_world::place_of(1));
  world.progress();
  ASSERT_TRUE(asked->answer && *asked->answer);
  EXPECT_EQ(page_world::numbers(**asked->answer), (numbers{1}));
}

TEST(waiting_pages, that_end_without_an_event_have_passed_what_came_by) {
  page_world world;
  world.append(1, "b");
  const auto asked = world.ask(waiting_for("a"));
  world.append(2, "b");
  world.progress();
  world.served->pages().end_wait(asked->number);
  world.settle();
  ASSERT_TRUE(asked->answer && *asked->answer);
  EXPECT_TRUE((*asked->answer)->events.empty());
  EXPECT_TRUE((*asked->answer)->caught_up);
  EXPECT_EQ((*asked->answer)->next, page_world::place_of(2));
}

TEST(waiting_pages, end_by_themselves_when_their_time_is_over) {
  page_world world;
  auto request = waiting_for("a");
  request.wait = std::chrono::milliseconds(1);
  const auto asked = world.ask(std::move(request));
  world.context.restart();
  while (!asked->answer) world.context.run_one();
  ASSERT_TRUE(*asked->answer);
  EXPECT_TRUE((*asked->answer)->caught_up);
}

TEST(waiting_pages, are_told_of_a_gap) {
  page_world world;
  world.append(1, "a");
  auto request = waiting_for("a");
  request.after = page_world::place_of(1);
  const auto asked = world.ask(std::move(request));
  EXPECT_FALSE(asked->answer);
  world.served->use_gaps({page_world::gap(7, page_world::place_of(1), page_world::place_of(5))});
  world.settle();
  ASSERT_TRUE(asked->answer);
  ASSERT_FALSE(*asked->answer);
  EXPECT_EQ(asked->answer->error().gap->id, 7U);
}

TEST(waiting_pages, before_a_gap_wait_for_events_that_may_not_be_delivered_yet) {
  log::readable_end end;
  page_world world(&end);
  world.append(1, "a");
  const auto asked = world.ask(waiting_for("a"));
  world.served->use_gaps({page_world::gap(7, page_world::place_of(1), page_world::place_of(5))});
  world.settle();
  EXPECT_FALSE(asked->answer) << "the event before the gap comes first";
  end.move(page_world::place_of(1));
  world.progress();
  ASSERT_TRUE(asked->answer && *asked->answer);
  EXPECT_EQ(page_world::numbers(**asked->answer), (numbers{1}));
}

TEST(waiting_pages, that_nobody_wants_any_more_are_given_up) {
  page_world world;
  const auto gone = world.ask(waiting_for("a"));
  const auto stays = world.ask(waiting_for("a"));
  world.served->pages().cancel(gone->number);
  world.served->pages().cancel(gone->number);
  world.append(1, "a");
  world.progress();
  EXPECT_FALSE(gone->answer);
  EXPECT_TRUE(stays->answer);
}

TEST(waiting_pages, are_refused_when_the_project_closes) {
  page_world world;
  const auto asked = world.ask(waiting_for("a"));
  world.served->pages().shut_down();
  world.settle();
  ASSERT_TRUE(asked->answer);
  EXPECT_EQ(asked->answer->error().why.code, errc::unavailable);
  const auto late = world.ask(waiting_for("a"));
  EXPECT_EQ(late->answer->error().why.code, errc::unavailable);
}

TEST(waiting_pages, are_bounded_in_number_and_memory) {
  page_world world;
  std::vector<page_number> all;
  for (std::size_t i = 0; i < page_readers::readers_max; ++i)
    all.push_back(world.served->pages().read(waiting_for("a"), [](const page_result&) { FAIL(); }));
  world.settle();
  auto refused = world.ask(waiting_for("a"));
  ASSERT_TRUE(refused->answer);
  EXPECT_EQ(refused->answer->error().why.code, errc::unavailable);
  for (const auto number : all) world.served->pages().cancel(number);
  auto heavy = waiting_for("a");
  heavy.held_bytes = page_readers::held_bytes_max;
  const auto first = world.ask(heavy);
  EXPECT_FALSE(first->answer);
  heavy.held_bytes = 1;
  refused = world.ask(heavy);
  ASSERT_TRUE(refused->answer);
  world.served->pages().cancel(first->number);
  EXPECT_FALSE(world.ask(heavy)->answer);
}

// More than are read at once, none of them waiting.
TEST(pages_in_line, are_all_answered) {
  page_world world;
  for (std::uint64_t i = 1; i <= 100; ++i) world.append(i, "a");
  std::vector<std::shared_ptr<asked_page>> all;
  for (std::uint64_t i = 0; i < 50; ++i) {
    auto request = page_world::request({page_world::wanted("a")}, page_world::place_of(i));
    all.push_back(std::make_shared<asked_page>());
    world.served->pages().read(std::move(request), [asked = all.back()](page_result answer) {
      asked->answer = std::move(answer);
    });
  }
  world.settle();
  for (std::size_t i = 0; i < all.size(); ++i) {
    ASSERT_TRUE(all[i]->answer && *all[i]->answer);
    EXPECT_EQ((*all[i]->answer)->events.size(), 100 - i);
  }
}

}  // namespace
}  // namespace pulse::streams::page_readers_test

// Streams and their names when tables are renamed, swapped and replaced.
#include <algorithm>
#include <map>

#include "tests/unit/streams/hub_fixture.hpp"

namespace pulse::streams {
namespace {

class hub_renames : public hub_fixture {
 protected:
  hub_renames() { start_hub(); }

  // The database's tables are these now.
  void observe(const std::map<std::uint32_t, std::string>& tables) {
    catalog now;
    now.database = "1/1";
    for (const auto& [oid, name] : tables) {
      catalog_table one;
      one.oid = oid;
      one.name = {"public", name};
      now.tables.push_back(one);
    }
    std::ranges::sort(now.tables, {}, &catalog_table::name);
    ASSERT_TRUE(relations_.observe(now));
    hub_->follow(renamed_tables(catalog_, now));
    catalog_ = now;
    settle();
  }

  std::shared_ptr<recorder> open(std::uint32_t oid, const std::string& table) {
    return hub_fixture::open(request("mail", table), shape(table, oid), log_.bounds().last_at);
  }

  void insert(std::uint32_t oid, const std::string& table, const std::string& id) {
    insert_unread(shape(table, oid), place_of(appended_ + 1), {id});
    settle();
  }

  void acknowledge_last(const recorder& by) { acknowledge(by, by.ids.size() - 1); }

  catalog catalog_;
};

using rows = std::vector<std::string>;

TEST_F(hub_renames, a_stream_on_the_new_name_goes_on_where_the_old_one_was) {
  observe({{100, "a"}});
  const auto first = open(100, "a");
  insert(100, "a", "1");
  acknowledge_last(*first);
  insert(100, "a", "2");
  close(*first);
  insert(100, "a", "3");
  observe({{100, "b"}});
  insert(100, "b", "4");
  const auto second = open(100, "b");
  EXPECT_EQ(second->rows, (rows{"2", "3", "4"}));
}

TEST_F(hub_renames, an_open_stream_goes_on_and_its_cursor_is_saved_under_the_new_name) {
  observe({{100, "a"}});
  const auto open_one = open(100, "a");
  observe({{100, "b"}});
  cursors_.stored.clear();  // the store follows by itself
  insert(100, "b", "1");
  EXPECT_EQ(open_one->rows, rows{"1"});
  EXPECT_FALSE(open_one->ended);
  acknowledge_last(*open_one);
  bool saved = false;
  hub_->shut_down(end_reason::shutdown, "", [&] { saved = true; });
  while (!saved) context_.run_one();
  EXPECT_EQ(cursors_.stored[(cursor_key{{"public", "b"}, "mail"})], log_.bounds().last_at);
  EXPECT_FALSE(cursors_.stored.contains(key("mail", "a")));
}

TEST_F(hub_renames, a_name_that_waits_for_its_cursor_opens_after_the_rename) {
  observe({{100, "a"}});
  cursors_.answers_opens = false;
  const auto waiting = open(100, "a");
  observe({{100, "b"}});
  cursors_.answer();
  settle();
  insert(100, "b", "1");
  EXPECT_EQ(waiting->rows, rows{"1"});
}

TEST_F(hub_renames, streams_on_swapped_tables_open_again_on_the_names_they_ask_for) {
  observe({{100, "a"}, {200, "b"}});
  const auto of_a = open(100, "a");
  const auto of_b = open(200, "b");
  insert(100, "a", "a1");
  insert(200, "b", "b1");
  acknowledge_last(*of_b);
  observe({{100, "b"}, {200, "a"}});
  EXPECT_EQ(of_a->ended, end_reason::cursor_moved);
  EXPECT_EQ(of_b->ended, end_reason::cursor_moved);
  insert(200, "a", "b2");
  EXPECT_EQ(open(100, "b")->rows, rows{"a1"}) << "the cursor went with the table";
  EXPECT_EQ(open(200, "a")->rows, rows{"b2"});
}

TEST_F(hub_renames, a_table_put_in_the_place_of_a_renamed_one_is_read_from_where_the_name_was) {
  observe({{100, "a"}});
  const auto old = open(100, "a");
  insert(100, "a", "1");
  acknowledge_last(*old);
  observe({{100, "a_old"}, {200, "a"}});
  EXPECT_EQ(old->ended, end_reason::cursor_moved) << "it asked for a, which is another table now";
  insert(200, "a", "2");
  EXPECT_EQ(open(200, "a")->rows, rows{"2"}) << "nothing was missed between";
  insert(100, "a_old", "3");
  EXPECT_EQ(open(100, "a_old")->rows, rows{"3"});
}

TEST_F(hub_renames, a_table_dropped_and_made_again_goes_on_under_an_open_stream) {
  observe({{100, "a"}});
  const auto open_one = open(100, "a");
  insert(100, "a", "1");
  observe({{200, "a"}});
  insert(200, "a", "2");
  EXPECT_EQ(open_one->rows, (rows{"1", "2"}));
  EXPECT_FALSE(open_one->ended);
}

TEST_F(hub_renames, a_stream_on_a_table_that_takes_anothers_place_opens_again_as_that) {
  observe({{100, "a"}, {300, "a_new"}});
  const auto beside = open(300, "a_new");
  insert(100, "a", "1");
  observe({{300, "a"}});
  EXPECT_EQ(beside->ended, end_reason::cursor_moved);
}

TEST_F(hub_renames, what_waits_for_events_is_found_before_its_renamed_table_is_followed) {
  observe({{100, "a"}});
  close(*open(100, "a"));
  const auto before = hub_->cursor(key("mail", "a"));
  insert(100, "a", "1");
  catalog renamed = catalog_;
  renamed.tables.front().name.name = "b";
  ASSERT_TRUE(relations_.observe(renamed));
  hub_->make_way(log_.bounds().last_at, [](bool) {});
  settle();
  EXPECT_EQ(hub_->cursor(key("mail", "a")), before) << "it was not moved past event 1";
}

TEST_F(hub_renames, names_that_make_way_for_retention_are_moved_under_their_tables_new_name) {
  observe({{100, "a"}, {200, "other"}});
  constexpr int names = 100;  // more than are looked at in one turn
  for (int i = 0; i < names; ++i) hub_->know({{{"public", "a"}, std::to_string(i)}, {}, {}, false});
  insert(200, "other", "1");
  const auto through = log_.bounds().last_at;
  std::optional<bool> may_drop;
  hub_->make_way(through, [&](bool may) { may_drop = may; });
  ASSERT_FALSE(may_drop) << "it is under way";
  // The store follows first.
  for (int i = 0; i < names; ++i) cursors_.stored[{{"public", "b"}, std::to_string(i)}] = {};
  observe({{100, "b"}, {200, "other"}});
  EXPECT_EQ(may_drop, true);
  for (int i = 0; i < names; ++i) {
    EXPECT_EQ(cursors_.stored[(cursor_key{{"public", "b"}, std::to_string(i)})], through) << i;
    EXPECT_FALSE(cursors_.stored.contains({{"public", "a"}, std::to_string(i)}));
  }
}

TEST_F(hub_renames, a_name_that_stays_with_another_table_makes_way_too) {
  observe({{100, "a"}});
  hub_->know({key("mail", "a"), {}, {}, false});
  for (int i = 0; i < 100; ++i) hub_->know({{{"public", "a"}, std::to_string(i)}, {}, {}, false});
  observe({{100, "a"}, {300, "other"}});
  insert(300, "other", "1");
  const auto through = log_.bounds().last_at;
  hub_->make_way(through, [](bool) {});
  observe({{100, "b"}, {200, "a"}, {300, "other"}});
  for (const auto* table : {"a", "b"}) {
    for (const auto* name : {"mail", "0", "99"}) {
      EXPECT_EQ(cursors_.stored[(cursor_key{{"public", table}, name})], through) << table << name;
    }
  }
}

TEST_F(hub_renames,
       a_name_that_waits_for_its_cursor_is_refused_when_the_new_name_has_one_so_called) {
  observe({{100, "a"}, {200, "b"}});
  close(*open(200, "b"));
  cursors_.answers_opens = false;
  const auto waiting = open(100, "a");
  observe({{100, "b"}});
  ASSERT_TRUE(waiting->refused);
  EXPECT_EQ(waiting->refused->code, errc::cancelled);
  cursors_.answer();
  settle();
}

}  // namespace
}  // namespace pulse::streams

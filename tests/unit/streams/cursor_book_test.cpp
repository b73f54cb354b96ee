// How moved cursors become durable, by a store that answers when it is told to.
#include "streams/cursor_book.hpp"

#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "log/memory_log.hpp"
#include "log/memory_relations.hpp"

namespace pulse::streams {
namespace {

class slow_store final : public cursor_store {
 public:
  void open(const cursor_key& /*key*/, position initial, opened done) override { done(initial); }
  void save(std::vector<saved_cursor> moved, saved done) override {
    auto& one = saves.emplace_back();
    for (const auto& cursor : moved) one.emplace(cursor.key, cursor.at);
    waiting = std::move(done);
  }
  void mark_abandoned(const cursor_key& key, bool abandoned) override { marks[key] = abandoned; }
  void remove(const cursor_key& key) override { marks.erase(key); }

  void answer(const result<std::vector<cursor_key>>& outcome = std::vector<cursor_key>()) {
    std::exchange(waiting, nullptr)(outcome);
  }

  std::vector<std::map<cursor_key, position>> saves;
  std::map<cursor_key, bool> marks;
  saved waiting;
};

class cursor_book_saves : public ::testing::Test {
 protected:
  cursor_book_saves() { limits_.cursor_flush_interval = {}; }

  static cursor_key key(const std::string& name, const std::string& table = "jobs") {
    return {{"public", table}, name};
  }
  static position place(std::uint64_t at) { return {1, lsn{at}, lsn{at}, 0}; }

  // Known, and saved where it stands.
  void know(const cursor_key& key, std::uint64_t at) {
    name_state name;
    name.key = key;
    name.cursor = name.saved = place(at);
    book_->add(std::move(name));
  }
  void move(const cursor_key& key, std::uint64_t to) {
    const auto name = book_->find(key);
    name->cursor = place(to);
    book_->note(*name);
  }
  // Until the store has been asked to save so many times.
  void run_until_saves(std::size_t count) {
    context_.restart();
    while (store_.saves.size() < count && context_.run_one() != 0) {
    }
    ASSERT_EQ(store_.saves.size(), count);
  }
  using places = std::map<cursor_key, position>;

  boost::asio::io_context context_;
  metrics figures_;
  log::memory_log log_{std::uint64_t{1} << 20U};
  log::memory_relations relations_;
  slow_store store_;
  stream_limits limits_;
  const hub::parts with_{context_.get_executor(), &log_, &relations_, &store_, &figures_, "shop"};
  std::shared_ptr<cursor_book> book_ = std::make_shared<cursor_book>(with_, limits_);
};

TEST_F(cursor_book_saves, those_that_have_moved_and_no_others_together) {
  know(key("a"), 1);
  know(key("b"), 1);
  know(key("c"), 1);
  move(key("a"), 2);
  move(key("b"), 3);
  book_->note(*book_->find(key("c")));
  run_until_saves(1);
  EXPECT_EQ(store_.saves.at(0), (places{{key("a"), place(2)}, {key("b"), place(3)}}));
}

TEST_F(cursor_book_saves, one_that_is_used_although_it_stands_still) {
  know(key("a"), 1);
  book_->use(*book_->find(key("a")));
  run_until_saves(1);
  EXPECT_EQ(store_.saves.at(0), (places{{key("a"), place(1)}}));
}

TEST_F(cursor_book_saves, what_moves_meanwhile_when_the_save_before_is_done) {
  know(key("a"), 1);
  move(key("a"), 2);
  run_until_saves(1);
  move(key("a"), 3);
  context_.poll();
  EXPECT_EQ(store_.saves.size(), 1U) << "one at a time";
  store_.answer();
  run_until_saves(2);
  EXPECT_EQ(store_.saves.at(1), (places{{key("a"), place(3)}}));
}

TEST_F(cursor_book_saves, again_what_could_not_be_saved) {
  know(key("a"), 1);
  move(key("a"), 2);
  run_until_saves(1);
  store_.answer(error{errc::io, "the disk is gone"});
  run_until_saves(2);
  EXPECT_EQ(store_.saves.at(1), (places{{key("a"), place(2)}}));
}

TEST_F(cursor_book_saves, under_the_name_that_a_cursor_has_by_then) {
  know(key("a"), 1);
  move(key("a"), 2);
  EXPECT_FALSE(book_->rename(key("a"), key("a", "tasks")));
  run_until_saves(1);
  EXPECT_EQ(store_.saves.at(0), (places{{key("a", "tasks"), place(2)}}));
}

TEST_F(cursor_book_saves, nothing_of_a_name_that_was_removed) {
  know(key("a"), 1);
  know(key("b"), 1);
  move(key("a"), 2);
  move(key("b"), 2);
  EXPECT_TRUE(book_->remove(key("a")));
  run_until_saves(1);
  EXPECT_EQ(store_.saves.at(0), (places{{key("b"), place(2)}}));
}

TEST_F(cursor_book_saves, all_when_it_is_closed_also_what_moves_during_the_last_save) {
  know(key("a"), 1);
  move(key("a"), 2);
  run_until_saves(1);
  book_->find(key("a"))->cursor = place(3);
  bool closed = false;
  book_->close([&] { closed = true; });
  store_.answer();
  run_until_saves(2);
  EXPECT_EQ(store_.saves.at(1), (places{{key("a"), place(3)}}));
  EXPECT_FALSE(closed);
  store_.answer();
  context_.restart();
  while (!closed && context_.run_one() != 0) {
  }
  EXPECT_TRUE(closed);
}

TEST_F(cursor_book_saves, nothing_once_it_is_gone) {
  know(key("a"), 1);
  move(key("a"), 2);
  run_until_saves(1);
  move(key("a"), 3);
  book_.reset();
  store_.answer();
  context_.restart();
  context_.poll();
  EXPECT_EQ(store_.saves.size(), 1U);
}

TEST_F(cursor_book_saves, that_a_name_is_abandoned_and_that_it_is_not_any_more) {
  know(key("a"), 1);
  auto& name = *book_->find(key("a"));
  book_->take_back(name);
  EXPECT_TRUE(store_.marks.empty()) << "it was not abandoned";
  book_->abandon(name);
  EXPECT_TRUE(store_.marks.at(key("a")));
  book_->take_back(name);
  EXPECT_FALSE(store_.marks.at(key("a")));
}

TEST(cursor_book, keeps_the_name_that_was_there_when_another_is_renamed_to_it) {
  boost::asio::io_context context;
  metrics figures;
  log::memory_relations relations;
  slow_store store;
  const hub::parts with{context.get_executor(), nullptr, &relations, &store, &figures, "shop"};
  const stream_limits limits;
  const auto book = std::make_shared<cursor_book>(with, limits);
  const cursor_key before{{"public", "a"}, "mail"};
  const cursor_key there{{"public", "b"}, "mail"};
  for (const auto& key : {before, there}) {
    name_state name;
    name.key = key;
    book->add(std::move(name));
  }
  const auto stays = book->find(there);
  const auto goes = book->find(before);
  EXPECT_EQ(book->rename(before, there), goes);
  EXPECT_EQ(book->find(there), stays);
  EXPECT_EQ(book->names().size(), 1U);
}

}  // namespace
}  // namespace pulse::streams

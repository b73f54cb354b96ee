#include "app/cursor_keeper.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/clock.hpp"
#include "control/sqlite.hpp"
#include "tests/support/temporary_directory.hpp"

namespace pulse::app {
namespace {

const table_name users{"public", "users"};

position at(std::uint64_t commit) {
  return {1, lsn{commit}, lsn{commit}, 0};
}

class cursor_keepers : public ::testing::Test {
 protected:
  void SetUp() override {
    auto store = control::state_store::open(path_, system_clock_source());
    ASSERT_TRUE(store);
    control_ = std::make_shared<control::control_thread>(std::move(*store));
    keeper_ = std::make_shared<cursor_keeper>("p", executor_.get_executor(), control_);
  }

  void open(const std::string& name, std::uint64_t commit) {
    keeper_->open({users, name}, at(commit), [this, name](const result<position>& stands) {
      answers_.push_back(fmt::format("{} {}", name, stands ? stands->commit.value : 0));
    });
  }
  // Until so many answers are there.
  void run(std::size_t answers) {
    executor_.restart();
    const auto working = boost::asio::make_work_guard(executor_);
    while (answers_.size() < answers) executor_.run_one();
  }

  testing::temporary_directory directory_;
  std::string path_ = (directory_.path() / "pulse.db").string();
  boost::asio::io_context executor_;
  std::shared_ptr<control::control_thread> control_;
  std::shared_ptr<cursor_keeper> keeper_;
  std::vector<std::string> answers_;
};

TEST_F(cursor_keepers, answer_each_of_many_names_that_are_opened_at_once_in_order) {
  std::vector<std::string> expected;
  for (std::uint64_t i = 1; i <= 1000; ++i) {
    open(fmt::format("name-{}", i), i);
    expected.push_back(fmt::format("name-{} {}", i, i));
  }
  run(expected.size());
  EXPECT_EQ(answers_, expected);
}

TEST_F(cursor_keepers, make_a_name_once_however_often_it_is_asked_for_meanwhile) {
  open("first", 1);
  open("mail", 10);
  open("mail", 20);
  run(3);
  open("mail", 30);
  run(4);
  EXPECT_EQ(answers_, (std::vector<std::string>{"first 1", "mail 10", "mail 10", "mail 10"}));
}

TEST_F(cursor_keepers, open_together_what_is_asked_while_others_are_opened) {
  // A commit of its own for each name would write at least one page of 4 KiB for each.
  const auto journal = path_ + "-wal";
  const auto before = std::filesystem::file_size(journal);
  constexpr std::size_t names = 500;
  for (std::uint64_t i = 1; i <= names; ++i) open(fmt::format("name-{}", i), i);
  run(names);
  EXPECT_LT(std::filesystem::file_size(journal) - before, names * 4096);
}

TEST_F(cursor_keepers, tell_each_of_a_group_that_could_not_be_stored_and_go_on) {
  const auto other = control::sqlite_database::open(path_);
  ASSERT_TRUE(other);
  ASSERT_TRUE(other->execute("ALTER TABLE cursors RENAME TO hidden"));
  for (std::uint64_t i = 1; i <= 3; ++i) open(fmt::format("name-{}", i), i);
  run(3);
  EXPECT_EQ(answers_, (std::vector<std::string>{"name-1 0", "name-2 0", "name-3 0"}));
  ASSERT_TRUE(other->execute("ALTER TABLE hidden RENAME TO cursors"));
  open("name-1", 7);
  run(4);
  EXPECT_EQ(answers_.back(), "name-1 7") << "nothing of the group was stored";
}

}  // namespace
}  // namespace pulse::app

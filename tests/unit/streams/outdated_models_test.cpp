// What the log is told of outdated models, and how little of it a client can make it say and keep.
#include "streams/outdated_models.hpp"

#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/filters/filter_cases.hpp"

namespace pulse::streams {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

relation table_of(const std::vector<std::string>& columns) {
  relation made;
  made.table = {"public", "users"};
  for (const auto& name : columns) made.columns.push_back(filters::testing::column_of(name, 25));
  return made;
}

// A stream of a client that knows the columns.
requests::stream_request stream_that_knows(const std::string& name,
                                           const std::vector<std::string>& columns) {
  requests::stream_request wanted;
  wanted.name = name;
  wanted.model = filters::testing::model_of(table_of(columns));
  return wanted;
}

std::vector<std::string> numbered(const std::string& name, int count) {
  std::vector<std::string> names;
  for (int i = 1; i <= count; ++i) names.push_back(name + std::to_string(i));
  return names;
}

class outdated_model : public ::testing::Test {
 protected:
  // Each in a second of its own.
  bool look(const requests::stream_request& wanted) { return look_at(wanted, table_, ++seconds_); }
  bool look_at(const requests::stream_request& wanted, const relation& table, int seconds) {
    return models_.look(wanted, table, {},
                        std::chrono::steady_clock::time_point(std::chrono::seconds(seconds)));
  }

  relation table_ = table_of({"id"});
  outdated_models models_{"shop"};
  int seconds_ = 0;
};

TEST_F(outdated_model, is_told_once_for_each_stream_and_each_set_of_missing_columns) {
  EXPECT_TRUE(look(stream_that_knows("one", {"id", "mail"})));
  EXPECT_FALSE(look(stream_that_knows("one", {"id", "mail"})));
  EXPECT_TRUE(look(stream_that_knows("two", {"id", "mail"})));
  EXPECT_TRUE(look(stream_that_knows("two", {"id", "mail", "name"})));
  EXPECT_FALSE(look(stream_that_knows("one", {"id"})));

  const auto one = stream_that_knows("one", {"id", "mail", "name"});
  EXPECT_TRUE(look(one));
  EXPECT_TRUE(look_at(one, table_of({"id", "mail"}), ++seconds_));
  EXPECT_FALSE(look_at(one, table_of({"id", "mail", "name"}), ++seconds_));
  EXPECT_TRUE(look(one)) << "the same ones are missing after they were there";
}

TEST_F(outdated_model, is_remembered_of_so_many_streams_and_no_more) {
  ::testing::internal::CaptureStderr();
  for (std::size_t i = 0; i < outdated_models::remembered_max; ++i)
    look(stream_that_knows("stream " + std::to_string(i), {"mail"}));
  EXPECT_FALSE(look(stream_that_knows("stream 0", {"mail"})));
  EXPECT_EQ(models_.remembered(), outdated_models::remembered_max);
  EXPECT_TRUE(look(stream_that_knows("one more", {"mail"})));
  EXPECT_EQ(models_.remembered(), 1U);
  EXPECT_TRUE(look(stream_that_knows("stream 0", {"mail"}))) << "forgotten";
  ::testing::internal::GetCapturedStderr();
}

TEST_F(outdated_model, is_told_of_with_the_first_ten_columns) {
  table_ = table_of(numbered("there", 11));
  ::testing::internal::CaptureStderr();
  look(stream_that_knows("one", numbered("gone", 1'000)));
  const auto line = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(line, HasSubstr("gone9, gone10, …"));
  EXPECT_THAT(line, HasSubstr("there9, there10, …"));
  EXPECT_THAT(line, Not(HasSubstr("gone11")));
}

TEST_F(outdated_model, is_counted_when_too_many_come_at_once) {
  const int most = static_cast<int>(outdated_models::lines_per_second_max);
  const auto stream = [](int number) {
    return stream_that_knows("stream " + std::to_string(number), {"mail"});
  };
  for (int i = 0; i < most; ++i) EXPECT_TRUE(look_at(stream(i), table_, 1));
  EXPECT_FALSE(look_at(stream(most), table_, 1));
  EXPECT_FALSE(look_at(stream(most + 1), table_, 1));

  const auto told = [&](int seconds) {
    ::testing::internal::CaptureStderr();
    models_.tick(std::chrono::steady_clock::time_point(std::chrono::seconds(seconds)));
    return ::testing::internal::GetCapturedStderr();
  };
  EXPECT_EQ(told(1), "");
  EXPECT_THAT(told(2), HasSubstr("count=2"));
  EXPECT_EQ(told(3), "");
  EXPECT_TRUE(look_at(stream(most), table_, 4)) << "it was not said before";
}

}  // namespace
}  // namespace pulse::streams

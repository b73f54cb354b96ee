#include "control/control_thread.hpp"

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "tests/support/temporary_directory.hpp"
#include "tests/unit/control/stepped_clock.hpp"

namespace pulse::control {
namespace {

class control_thread_test : public ::testing::Test {
 protected:
  state_store open() {
    return state_store::open((directory_.path() / "pulse.db").string(), clock_).value();
  }

  testing::temporary_directory directory_;
  stepped_clock clock_;
  boost::asio::io_context answers_;
};

TEST_F(control_thread_test, works_elsewhere_answers_here_and_keeps_the_order) {
  control_thread control(open());
  const auto guard = boost::asio::make_work_guard(answers_);
  const auto here = std::this_thread::get_id();
  constexpr int count = 200;
  std::vector<int> answered;
  for (int i = 0; i < count; ++i) {
    control.run(
        answers_.get_executor(),
        [i, here](state_store& store) {
          EXPECT_NE(std::this_thread::get_id(), here);
          EXPECT_TRUE(store.set_fact("p", "last", std::to_string(i)));
          return i;
        },
        [&, here](int done) {
          EXPECT_EQ(std::this_thread::get_id(), here);
          answered.push_back(done);
          if (done == count - 1) answers_.stop();
        });
  }
  answers_.run();
  ASSERT_EQ(answered.size(), static_cast<std::size_t>(count));
  EXPECT_TRUE(std::ranges::is_sorted(answered));
}

TEST_F(control_thread_test, ends_after_what_it_was_given_is_durable) {
  {
    control_thread control(open());
    for (int i = 0; i <= 100; ++i) {
      control.run(
          answers_.get_executor(),
          [i](state_store& store) { return store.set_fact("p", "last", std::to_string(i)); },
          [](const result<void>& done) { EXPECT_TRUE(done); });
    }
  }
  auto again = open();
  EXPECT_EQ(again.fact("p", "last").value(), "100");
  answers_.run();
}

}  // namespace
}  // namespace pulse::control

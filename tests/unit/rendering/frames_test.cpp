// What rendered events take that are kept for other streams.
#include "rendering/frames.hpp"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "log/memory_relations.hpp"
#include "tests/unit/filters/filter_cases.hpp"

namespace pulse::rendering {
namespace {

class kept_frames : public ::testing::Test {
 protected:
  static constexpr std::size_t bytes_max = 100'000;

  std::unique_ptr<frame_source> source(int users) {
    auto made = std::make_unique<frame_source>(requests::event_form::native, requests::model{},
                                               relations_, memory_);
    for (int i = 0; i < users; ++i) made->add_user();
    return made;
  }
  std::string render(frame_source& by, event_sequence number, std::size_t bytes) {
    const auto row = filters::testing::tuple_of({std::string(bytes, 'a')});
    event_view event;
    event.sequence = number;
    event.id = make_event_id(1700000000000 + number, lsn{number}, 0);
    event.at = {1, lsn{number}, lsn{number}, 0};
    event.relation = table_.version;
    event.table = table_.table;
    event.action = change_action::create;
    event.after = tuple_view::trusted(as_byte_view(row));
    return std::string(by.frame(event).value());
  }
  static relation shape() {
    relation made;
    made.table = {"public", "jobs"};
    made.columns = {filters::testing::column_of("id", 25, true)};
    return made;
  }

  log::memory_relations relations_;
  log::relation_store::described table_ = relations_.describe(shape()).value();
  std::shared_ptr<frame_memory> memory_ = std::make_shared<frame_memory>(bytes_max);
};

TEST_F(kept_frames, large_rows_of_two_consumers_take_no_more_than_the_bound) {
  const auto shared = source(2);
  for (event_sequence i = 1; i <= 2000; ++i) {
    render(*shared, i, 8'000);
    ASSERT_LE(shared->kept_bytes(), bytes_max);
  }
  EXPECT_GT(shared->kept_bytes(), bytes_max / 2) << "and as many as fit are kept";
}

TEST_F(kept_frames, every_source_has_an_equal_share) {
  const auto first = source(2);
  for (event_sequence i = 1; i <= 20; ++i) render(*first, i, 8'000);
  std::vector<std::unique_ptr<frame_source>> others;
  for (int i = 0; i < 4; ++i) others.push_back(source(2));
  std::size_t kept = 0;
  for (event_sequence i = 21; i <= 60; ++i) {
    render(*first, i, 8'000);
    for (const auto& one : others) render(*one, i, 8'000);
  }
  kept += first->kept_bytes();
  for (const auto& one : others) kept += one->kept_bytes();
  EXPECT_LE(kept, bytes_max);
}

TEST_F(kept_frames, of_frames_larger_than_the_bound_one_is_there_at_a_time) {
  std::vector<std::unique_ptr<frame_source>> all;
  for (int i = 0; i < 10; ++i) all.push_back(source(i % 2 == 0 ? 1 : 2));
  for (const auto& one : all) {
    EXPECT_GT(render(*one, 1, 2 * bytes_max).size(), 2 * bytes_max);
    std::size_t holding = 0;
    for (const auto& other : all) {
      if (other->kept_bytes() > bytes_max) ++holding;
    }
    EXPECT_EQ(holding, 1U);
  }
  // Whoever ends owes nothing.
  all.back().reset();
  EXPECT_GT(render(*all.front(), 2, 10).size(), 10U);
}

TEST_F(kept_frames, a_frame_is_the_same_when_it_was_given_back) {
  const auto shared = source(2);
  std::vector<std::string> first;
  for (event_sequence i = 1; i <= 50; ++i) first.push_back(render(*shared, i, 4'000));
  for (event_sequence i = 1; i <= 50; ++i) EXPECT_EQ(render(*shared, i, 4'000), first[i - 1]);
}

}  // namespace
}  // namespace pulse::rendering

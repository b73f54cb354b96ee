// What is read from the log in one turn of the thread that serves everybody.
#include "tests/unit/streams/hub_expiry.hpp"

namespace pulse::streams {
namespace {

class hub_turns : public hub_expiry {
 protected:
  // So many MiB of another table's rows.
  void append_others_unread(std::uint32_t mib) {
    auto table = shape("notes");
    table.columns.push_back(filters::testing::column_of("body", 25));
    const std::string body(std::size_t{16} << 10U, 'x');
    for (std::uint32_t i = 0; i < mib * 64; ++i) {
      const auto number = appended_ + 1;
      insert_unread(table, place_of(number), {std::to_string(number), body});
    }
  }
  // How often others on the thread have had their turn meanwhile.
  int turns_until_settled() {
    context_.restart();
    int turns = 0;
    while (context_.poll_one() != 0) ++turns;
    return turns;
  }
};

TEST_F(hub_turns, a_rare_table_is_read_in_many_turns) {
  make_name("rare");
  append_unread(1);
  append_others_unread(16);
  append_unread(1);
  settle();
  const auto rare = open("rare");
  hub_->progress();
  EXPECT_EQ(rare->rows.size(), 2U);
  close(*rare);

  // Opened, and read on from there, turn by turn.
  const auto again = std::make_shared<recorder>();
  hub_->open({request("rare", "jobs"),
              {std::make_shared<const relation>(shape("jobs")), nullptr},
              position{},
              again},
             [](const auto& opened) { ASSERT_TRUE(opened); });
  EXPECT_GE(turns_until_settled(), 16);
  EXPECT_EQ(again->rows.size(), 2U);
}

TEST_F(hub_turns, a_gap_among_what_is_skipped_is_told_before_anything_behind_it) {
  make_name("rare");
  append_unread(1);
  append_others_unread(8);
  control::stored_gap gap;
  gap.id = 7;
  gap.what.kind = gap_kind::slot_missing;
  gap.what.after = place_of(appended_);
  gap.what.through = just_before(place_of(appended_ + 1));
  append_others_unread(8);
  append_unread(1);
  settle();
  use_gap(gap);
  const auto rare = open("rare");
  EXPECT_EQ(rare->rows.size(), 1U);
  acknowledge_all(*rare);
  EXPECT_EQ(rare->ended, end_reason::gap);
  EXPECT_EQ(hub_->cursor(key("rare")), gap.what.after);
}

TEST_F(hub_turns, what_was_skipped_is_not_read_again_by_the_next_connection) {
  make_name("rare");
  append_others_unread(16);
  append_unread(1);
  settle();
  const auto rare = std::make_shared<recorder>();
  hub_->open({request("rare", "jobs"),
              {std::make_shared<const relation>(shape("jobs")), nullptr},
              position{},
              rare},
             [&](const auto& opened) { rare->stream = *opened; });
  context_.restart();
  for (int turn = 0; turn < 10; ++turn) context_.poll_one();
  EXPECT_TRUE(rare->rows.empty());
  EXPECT_GT(hub_->cursor(key("rare")), place_of(1));
}

TEST_F(hub_turns, many_that_come_back_at_once_share_the_turns) {
  for (int i = 0; i < 64; ++i) make_name("name" + std::to_string(i));
  append_unread(512);
  settle();
  std::vector<std::shared_ptr<recorder>> all;
  for (int i = 0; i < 64; ++i) {
    all.push_back(std::make_shared<recorder>());
    hub_->open({request("name" + std::to_string(i), "jobs"),
                {std::make_shared<const relation>(shape("jobs")), nullptr},
                position{},
                all.back()},
               [](const auto& opened) { ASSERT_TRUE(opened); });
  }
  // 64 slices of 512 events: eight a turn.
  EXPECT_GE(turns_until_settled(), 8);
  for (const auto& one : all) EXPECT_EQ(one->rows.size(), 512U);
}

TEST_F(hub_turns, what_retention_asks_of_a_quiet_table_is_read_in_many_turns) {
  make_name("quiet");
  append_others_unread(16);
  settle();
  std::optional<bool> made;
  hub_->make_way(place_of(appended_), [&](bool way) { made = way; });
  EXPECT_GE(turns_until_settled(), 4);
  EXPECT_EQ(made, true);
  EXPECT_EQ(hub_->cursor(key("quiet")), place_of(appended_)) << "it waits for none of it";
}

TEST_F(hub_turns, what_is_to_be_looked_for_before_long_is_read_in_many_turns) {
  make_name("quiet");
  append_others_unread(16);
  append_unread(1);
  settle();
  hub_->look_for_expiry(place_of(appended_));
  EXPECT_GE(turns_until_settled(), 4);
  EXPECT_EQ(figure("pulse_cursors_near_expiry"), 1);
}

}  // namespace
}  // namespace pulse::streams

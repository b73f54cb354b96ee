#include "control/gap_table.hpp"

#include <string>

#include <gtest/gtest.h>

#include "control/state_store.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/unit/control/stepped_clock.hpp"

namespace pulse::control {
namespace {

class gap_table_test : public ::testing::Test {
 protected:
  gap_table_test() { reopen(); }

  void reopen() {
    store_.reset();
    store_.emplace(state_store::open((directory_.path() / "pulse.db").string(), clock_).value());
  }

  static history_gap gap_after(std::uint64_t place) {
    history_gap gap;
    gap.kind = gap_kind::slot_missing;
    gap.after = {1, lsn{place}, lsn{place - 8}, 2};
    gap.reason = "the slot is gone";
    return gap;
  }

  stored_gap record(const history_gap& gap, std::string_view accepted_by = "") {
    return store_->gaps().record("shop", gap, accepted_by).value();
  }
  std::vector<stored_gap> all() { return store_->gaps().of("shop").value(); }

  testing::temporary_directory directory_;
  stepped_clock clock_;
  std::optional<state_store> store_;
};

TEST_F(gap_table_test, a_gap_survives_with_all_that_is_known_of_it) {
  auto gap = gap_after(0x5000);
  gap.kind = gap_kind::forked;
  gap.through = {2, lsn{0x4000}, {}, 0};
  gap.vanished = {make_event_id(1, lsn{2}, 3), make_event_id(4, lsn{5}, 6), 7};
  const auto recorded = record(gap);
  reopen();
  ASSERT_EQ(all().size(), 1U);
  EXPECT_EQ(all()[0].what, gap);
  EXPECT_EQ(all()[0].id, recorded.id);
  EXPECT_FALSE(all()[0].accepted_at);
  EXPECT_EQ(store_->gaps().of("another").value().size(), 0U);
}

TEST_F(gap_table_test, a_gap_found_again_is_completed_and_stays_one) {
  const auto first = record(gap_after(0x5000));
  auto again = gap_after(0x5000);
  again.kind = gap_kind::slot_ahead;
  again.through = {1, lsn{0x6000}, {}, 0};
  const auto second = record(again);
  EXPECT_EQ(second.id, first.id);
  EXPECT_EQ(second.found_at, first.found_at);
  EXPECT_EQ(second.what.kind, gap_kind::slot_missing);
  EXPECT_EQ(second.what.through, again.through);
  // Without an end again: what was known stays.
  EXPECT_EQ(record(gap_after(0x5000)).what.through, again.through);
  EXPECT_EQ(all().size(), 1U);
}

TEST_F(gap_table_test, accepting_is_remembered_with_the_first_one_who_did) {
  const auto gap = record(gap_after(0x5000));
  ASSERT_TRUE(store_->gaps().accept("shop", gap.id, "ann"));
  ASSERT_TRUE(store_->gaps().accept("shop", gap.id, "bob"));
  reopen();
  ASSERT_TRUE(all()[0].accepted_at);
  EXPECT_EQ(all()[0].accepted_by, "ann");
}

TEST_F(gap_table_test, an_end_that_becomes_known_needs_no_second_acceptance) {
  const auto gap = record(gap_after(0x5000));
  ASSERT_TRUE(store_->gaps().accept("shop", gap.id, "ann"));
  auto whole = gap_after(0x5000);
  whole.through = {1, lsn{0x6000}, {}, 0};
  EXPECT_TRUE(record(whole).accepted_at);
}

TEST_F(gap_table_test, a_gap_that_has_grown_is_to_be_accepted_anew) {
  auto gap = gap_after(0x5000);
  gap.through = {1, lsn{0x6000}, {}, 0};
  ASSERT_TRUE(store_->gaps().accept("shop", record(gap).id, "ann"));
  gap.through = {1, lsn{0x7000}, {}, 0};
  EXPECT_FALSE(record(gap).accepted_at);
}

TEST_F(gap_table_test, a_project_that_goes_on_by_itself_has_accepted_already) {
  const auto gap = record(gap_after(0x5000), "on_gap");
  EXPECT_TRUE(gap.accepted_at);
  EXPECT_EQ(gap.accepted_by, "on_gap");
}

TEST_F(gap_table_test, a_gap_of_another_project_is_not_found) {
  const auto gap = record(gap_after(0x5000));
  EXPECT_EQ(store_->gaps().accept("another", gap.id, "ann").error().code, errc::not_found);
  EXPECT_EQ(store_->gaps().accept("shop", gap.id + 1, "ann").error().code, errc::not_found);
}

TEST_F(gap_table_test, gaps_come_in_the_order_of_their_places_and_ids_are_never_used_twice) {
  const auto late = record(gap_after(0x7000));
  const auto early = record(gap_after(0x5000));
  EXPECT_LT(late.id, early.id);
  ASSERT_EQ(all().size(), 2U);
  EXPECT_EQ(all()[0].id, early.id);
}

TEST(gap_kind, every_name_is_read_back) {
  for (const auto kind :
       {gap_kind::slot_missing, gap_kind::slot_lost, gap_kind::slot_ahead, gap_kind::log_lost,
        gap_kind::forked, gap_kind::skipped, gap_kind::damaged}) {
    EXPECT_EQ(parse_gap_kind(to_string(kind)), kind);
  }
  EXPECT_FALSE(parse_gap_kind("lost"));
}

}  // namespace
}  // namespace pulse::control

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

// A standby without the slot, and then another one that has never had what the first has written.
TEST_F(gap_table_test, a_gap_behind_which_a_history_forks_is_one_of_what_never_happened) {
  auto gap = gap_after(0x5000);
  gap.through = {2, lsn{0x5100}, {}, 0};
  const auto first = record(gap, "ann");
  auto forked = gap_after(0x5000);
  forked.kind = gap_kind::forked;
  forked.through = {3, lsn{0x5800}, {}, 0};
  forked.vanished = {make_event_id(1, lsn{2}, 3), make_event_id(4, lsn{5}, 6), 7};
  forked.reason = "the histories part";
  const auto grown = record(forked);
  EXPECT_EQ(grown.id, first.id);
  EXPECT_EQ(grown.what, forked);
  EXPECT_FALSE(grown.accepted_at);
}

// The other server is left again before anything of it is stored.
TEST_F(gap_table_test, a_gap_of_a_way_that_is_not_taken_ends_where_capture_goes_on) {
  auto another = gap_after(0x5000);
  another.kind = gap_kind::another_database;
  another.through = {2, lsn{0x100}, {}, 0};
  const auto known = record(another);
  auto before = gap_after(0x3000);
  before.through = {1, lsn{0x4000}, {}, 0};
  record(before);
  const position mark{1, lsn{0x4fff}, {}, 0};
  EXPECT_TRUE(store_->gaps().withdraw_beyond("shop", mark).value());
  ASSERT_EQ(all().size(), 2U);
  EXPECT_EQ(all()[0].what, before);
  EXPECT_FALSE(all()[0].accepted_at);
  EXPECT_EQ(all()[1].id, known.id);
  EXPECT_EQ(all()[1].what.through, another.after);
  EXPECT_TRUE(all()[1].accepted_at);
  EXPECT_FALSE(store_->gaps().withdraw_beyond("shop", mark).value());
  // The same way again: it is a gap again.
  EXPECT_FALSE(record(another).accepted_at);
  EXPECT_EQ(all()[1].what.through, another.through);
}

TEST_F(gap_table_test, a_gap_without_an_end_ends_where_capture_goes_on_and_nothing_has_vanished) {
  auto gap = gap_after(0x5000);
  gap.kind = gap_kind::forked;
  gap.vanished = {make_event_id(1, lsn{2}, 3), make_event_id(4, lsn{5}, 6), 7};
  record(gap);
  const position later{1, lsn{0x6000}, {}, 0};
  EXPECT_TRUE(store_->gaps().withdraw_beyond("shop", later).value());
  EXPECT_EQ(all()[0].what.through, later);
  EXPECT_EQ(all()[0].what.kind, gap_kind::slot_missing);
  EXPECT_FALSE(all()[0].what.vanished);
  EXPECT_FALSE(all()[0].accepted_at);
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

TEST_F(gap_table_test, gaps_at_one_place_are_one_of_the_tables_of_both) {
  auto gap = gap_after(0x5000);
  gap.kind = gap_kind::unpublished;
  gap.tables = {table_id{3}};
  ASSERT_EQ(record(gap).what.tables, std::vector{table_id{3}});
  gap.tables = {table_id{7}};
  const std::vector both{table_id{3}, table_id{7}};
  EXPECT_EQ(record(gap).what.tables, both);
  // Told again, and ended: of one that has lost a table since.
  gap.tables = {table_id{3}};
  EXPECT_EQ(record(gap).what.tables, both);
  gap.through = {1, lsn{0x6000}, {}, 0};
  EXPECT_EQ(record(gap).what.tables, both);
  gap.tables.clear();
  gap.through.reset();
  EXPECT_TRUE(record(gap).what.tables.empty()) << "every table";
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

// As a program made it that knew no tables of gaps: version 3 of the state database, of which only
// what it had to say of gaps is here.
TEST(gap_table_migration, gaps_of_an_older_database_concern_every_table_and_keep_their_acceptance) {
  const testing::temporary_directory directory;
  const auto path = (directory.path() / "pulse.db").string();
  {
    const auto old = sqlite_database::open(path).value();
    ASSERT_TRUE(old.execute(R"(
      CREATE TABLE cursors (project TEXT NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID;
      CREATE TABLE gaps (
        id INTEGER PRIMARY KEY AUTOINCREMENT, project TEXT NOT NULL, kind TEXT NOT NULL,
        reason TEXT NOT NULL, after_timeline INTEGER NOT NULL, after_commit_lsn INTEGER NOT NULL,
        after_change_lsn INTEGER NOT NULL, after_ordinal INTEGER NOT NULL,
        through_timeline INTEGER, through_commit_lsn INTEGER, through_change_lsn INTEGER,
        through_ordinal INTEGER, vanished_first TEXT, vanished_last TEXT, vanished_count INTEGER,
        found_at_us INTEGER NOT NULL, accepted_at_us INTEGER, accepted_by TEXT NOT NULL DEFAULT '',
        UNIQUE (project, after_timeline, after_commit_lsn, after_change_lsn, after_ordinal)
      ) STRICT;
      INSERT INTO gaps VALUES
        (3, 'shop', 'slot_lost', 'the old reason', 1, 80, 72, 2, 1, 96, 0, 0, NULL, NULL, NULL,
         1000, NULL, ''),
        (5, 'shop', 'slot_missing', 'another', 1, 112, 104, 0, 1, 120, 0, 0, NULL, NULL, NULL,
         2000, 3000, 'ann');
      PRAGMA user_version = 3;)"));
  }
  const stepped_clock clock;
  history_gap open_gap;
  open_gap.kind = gap_kind::slot_lost;
  open_gap.after = {1, lsn{80}, lsn{72}, 2};
  open_gap.through = {1, lsn{96}, {}, 0};
  open_gap.reason = "the old reason";
  for (const auto* const run : {"the first", "the second"}) {
    auto store = state_store::open(path, clock);
    ASSERT_TRUE(store) << run << ": " << store.error().message();
    const auto gaps = store->gaps().of("shop").value();
    ASSERT_EQ(gaps.size(), 2U);
    EXPECT_EQ(gaps[0].id, 3U);
    EXPECT_EQ(gaps[0].what, open_gap) << "no tables: every one";
    EXPECT_FALSE(gaps[0].accepted_at);
    EXPECT_EQ(gaps[1].id, 5U);
    EXPECT_TRUE(gaps[1].what.tables.empty());
    EXPECT_EQ(gaps[1].accepted_by, "ann");
  }
  // Found again by a program that knows one of its tables, it still concerns every one.
  auto store = state_store::open(path, clock).value();
  auto again = open_gap;
  again.through = {1, lsn{104}, {}, 0};
  again.tables = {4};
  EXPECT_TRUE(store.gaps().record("shop", again, "")->what.tables.empty());
  auto fresh = again;
  fresh.kind = gap_kind::damaged;
  fresh.after = {1, lsn{200}, {}, 0};
  fresh.through = {1, lsn{208}, {}, 0};
  const auto recorded = store.gaps().record("shop", fresh, "").value();
  EXPECT_EQ(recorded.what, fresh);
  EXPECT_EQ(recorded.id, 6U);
}

TEST(gap_kind, every_name_is_read_back) {
  for (const auto& one : all_gap_kinds()) {
    EXPECT_EQ(to_string(one.kind), one.name);
    EXPECT_EQ(parse_gap_kind(one.name), one.kind);
  }
  EXPECT_FALSE(parse_gap_kind("lost"));
}

}  // namespace
}  // namespace pulse::control

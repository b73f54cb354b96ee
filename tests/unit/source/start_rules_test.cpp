#include <optional>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/source/start_rule.hpp"

namespace pulse::source::testing {
namespace {

server_identity promoted_at(std::uint64_t place) {
  return changed(same_server, [&](auto& s) { s.history = {2, {{1, lsn{place}}}}; });
}

std::vector<rule> rules_of_a_slot() {
  const auto lost = [](auto& s) { s.lost = true; };
  const auto active = [](auto& s) { s.active = true; };
  return {
      {"starts_at_what_is_covered_not_at_the_slot", some_history, same_server, slot_at(0x4000),
       next_step::start, lsn{0x5000}},
      {"a_slot_exactly_at_what_is_covered_is_no_gap", some_history, same_server, slot_at(0x5000),
       next_step::start, lsn{0x5000}},
      {"a_slot_beyond_what_is_covered_is_a_gap_and_starts_there",
       some_history,
       same_server,
       slot_at(0x5001),
       next_step::start,
       lsn{0x5001},
       {{gap_kind::slot_ahead, at(1, 0x5000), at(1, 0x5001)}}},
      {"a_slot_that_is_gone_is_a_gap_and_made_again",
       some_history,
       same_server,
       std::nullopt,
       next_step::create,
       {},
       {{gap_kind::slot_missing, at(1, 0x5000)}}},
      {"a_slot_whose_wal_is_gone_is_a_gap_and_replaced",
       some_history,
       same_server,
       changed(slot_at(0x4000), lost),
       next_step::replace,
       {},
       {{gap_kind::slot_lost, at(1, 0x5000)}}},
      {"a_gap_begins_behind_the_part_that_is_stored_of_a_transaction_cut_short",
       changed(some_history, [](auto& s) { s.newest = {1, lsn{0x5100}, lsn{0x5080}, 3}; }),
       same_server,
       std::nullopt,
       next_step::create,
       {},
       {{gap_kind::slot_missing, {1, lsn{0x5100}, lsn{0x5080}, 3}}}},
      {"an_active_slot_is_waited_for", some_history, same_server, changed(slot_at(0x4000), active),
       next_step::wait},
      {"an_active_slot_that_is_ahead_is_waited_for_and_the_gap_has_no_end_yet",
       some_history,
       same_server,
       changed(slot_at(0x6000), active),
       next_step::wait,
       {},
       {{gap_kind::slot_ahead, at(1, 0x5000)}}},
      {"another_plugins_slot_is_left_alone", some_history, same_server,
       changed(slot_at(0x4000), [](auto& s) { s.plugin = "wal2json"; }), next_step::conflict},
      {"another_databases_slot_is_left_alone", some_history, same_server,
       changed(slot_at(0x4000), [](auto& s) { s.database = "other"; }), next_step::conflict},
      {"another_databases_slot_is_left_alone_when_nothing_is_stored",
       {},
       same_server,
       changed(slot_at(0x4000), [](auto& s) { s.database = "other"; }),
       next_step::conflict},
  };
}

std::vector<rule> rules_of_a_beginning() {
  const auto nothing = [](slot_history slot) { return stored_history{shop, 0, {}, {}, slot}; };
  return {
      {"nothing_stored_and_no_slot_makes_one", nothing(slot_history::none), same_server,
       std::nullopt, next_step::create},
      {"a_slot_that_was_there_before_the_data_directory_says_that_one_was_lost",
       nothing(slot_history::none),
       same_server,
       slot_at(0x4000),
       next_step::start,
       lsn{0x4000},
       {{gap_kind::log_lost, {}, at(1, 0x4000)}}},
      {"a_first_start_that_was_interrupted_is_no_gap", nothing(slot_history::making), same_server,
       slot_at(0x4000), next_step::start, lsn{0x4000}},
      {"a_first_start_that_was_interrupted_before_it_had_a_slot_is_no_gap",
       nothing(slot_history::making), same_server, std::nullopt, next_step::create},
      {"a_log_that_is_gone_is_a_gap",
       nothing(slot_history::made),
       same_server,
       slot_at(0x4000),
       next_step::start,
       lsn{0x4000},
       {{gap_kind::log_lost, {}, at(1, 0x4000)}}},
      {"a_log_that_is_gone_with_its_slot_is_a_gap",
       nothing(slot_history::made),
       same_server,
       std::nullopt,
       next_step::create,
       {},
       {{gap_kind::log_lost, {}}}},
  };
}

std::vector<rule> rules_of_other_servers() {
  const auto below = promoted_at(0x4fff);
  const gap_bounds forked{gap_kind::forked, at(1, 0x4fff), at(2, 0x4fff)};
  const auto third =
      changed(same_server, [](auto& s) { s.history = {3, {{1, lsn{0x1000}}, {2, lsn{0x7000}}}}; });
  const auto sibling = changed(same_server, [](auto& s) { s.history = {3, {{1, lsn{0x4000}}}}; });
  const auto on_second = changed(some_history, [](auto& s) { s.timeline = 2; });
  // The first transaction behind a promotion, before the mark has followed.
  const auto begun_on_second =
      changed(some_history, [](auto& s) { s.newest = {2, lsn{0x5800}, lsn{0x5400}, 0}; });
  return {
      {"an_identity_that_was_forgotten_does_not_hide_the_history",
       changed(some_history, [](auto& s) { s.whose.database.clear(); }),
       same_server,
       slot_at(0x5001),
       next_step::start,
       lsn{0x5001},
       {{gap_kind::slot_ahead, at(1, 0x5000), at(1, 0x5001)}}},
      {"an_old_primary_never_goes_on_by_itself", on_second, same_server, slot_at(0x4000),
       next_step::divergence},
      {"a_promoted_server_that_forked_at_the_end_goes_on", some_history, promoted_at(0x5000),
       slot_at(0x4000), next_step::start, lsn{0x5000}},
      {"a_promoted_server_that_forked_above_the_end_goes_on", some_history, promoted_at(0x6000),
       slot_at(0x4000), next_step::start, lsn{0x5000}},
      {"a_promoted_server_without_the_slot_has_a_gap",
       some_history,
       promoted_at(0x6000),
       std::nullopt,
       next_step::create,
       {},
       {{gap_kind::slot_missing, at(1, 0x5000)}}},
      {"a_promoted_server_that_forked_below_goes_on_where_it_left", some_history, below,
       slot_at(0x4000), next_step::start, lsn{0x4fff}, forked},
      {"a_fork_below_a_transaction_that_is_stored_in_part_counts",
       changed(some_history, [](auto& s) { s.newest = {1, lsn{0x5800}, lsn{0x5400}, 0}; }),
       promoted_at(0x5400),
       slot_at(0x4000),
       next_step::start,
       lsn{0x5400},
       {{gap_kind::forked, at(1, 0x5400), at(2, 0x5400)}}},
      {"a_fork_below_with_a_slot_above_it_lacks_what_lies_between_too",
       some_history,
       below,
       slot_at(0x6000),
       next_step::start,
       lsn{0x6000},
       {{gap_kind::forked, at(1, 0x4fff), at(2, 0x6000)}}},
      {"a_fork_below_without_a_slot_makes_one",
       some_history,
       below,
       std::nullopt,
       next_step::create,
       {},
       {{gap_kind::forked, at(1, 0x4fff)}}},
      {"a_transaction_cut_short_right_behind_a_promotion_is_no_fork", begun_on_second,
       promoted_at(0x5000), slot_at(0x4000), next_step::start, lsn{0x5000}},
      {"an_old_primary_of_whose_successor_a_part_is_stored_never_goes_on_by_itself",
       begun_on_second, same_server, slot_at(0x4000), next_step::divergence},
      {"a_fork_below_a_transaction_cut_short_right_behind_a_promotion_counts",
       begun_on_second,
       changed(same_server, [](auto& s) { s.history = {3, {{1, lsn{0x5000}}, {2, lsn{0x5600}}}}; }),
       slot_at(0x4000),
       next_step::start,
       lsn{0x5600},
       {{gap_kind::forked, at(2, 0x5600), at(3, 0x5600)}}},
      {"only_the_fork_that_leaves_our_timeline_counts", on_second, third, slot_at(0x4000),
       next_step::start, lsn{0x5000}},
      {"a_server_that_never_was_on_our_timeline_forked_where_it_left_the_one_before",
       on_second,
       sibling,
       slot_at(0x3000),
       next_step::start,
       lsn{0x4000},
       {{gap_kind::forked, at(1, 0x4000), at(3, 0x4000)}}},
  };
}

// Pulse has followed one standby of a server, promoted at 0x5000, and is pointed to another one.
std::vector<rule> rules_of_siblings() {
  const auto followed = [](std::uint32_t timeline, timelines history) {
    return stored_history{{"771/5", 0, std::move(history)}, timeline, lsn{0x6000}};
  };
  const auto first = followed(2, {2, {{1, lsn{0x5000}}}});
  const auto sibling = [](std::uint32_t timeline, std::uint64_t left) {
    return changed(same_server, [&](auto& s) { s.history = {timeline, {{1, lsn{left}}}}; });
  };
  const auto grown = changed(sibling(3, 0x5800), [](auto& s) {
    s.history.left.push_back({3, lsn{0x7000}});
    s.history.current = 4;
  });
  const auto of_the_first =
      changed(same_server, [](auto& s) { s.history = {3, {{1, lsn{0x5000}}, {2, lsn{0x7000}}}}; });
  return {
      {"a_sibling_that_was_promoted_later_goes_on_where_the_first_was_promoted",
       first,
       sibling(3, 0x5800),
       slot_at(0x4000),
       next_step::start,
       lsn{0x5000},
       {{gap_kind::forked, at(1, 0x5000), at(3, 0x5000)}}},
      {"a_sibling_that_was_promoted_later_with_a_slot_above_lacks_what_lies_between",
       first,
       sibling(3, 0x5800),
       slot_at(0x5900),
       next_step::start,
       lsn{0x5900},
       {{gap_kind::forked, at(1, 0x5000), at(5, 0x5900)}}},
      {"a_sibling_that_was_promoted_earlier_forked_where_it_left",
       first,
       sibling(3, 0x4800),
       slot_at(0x4000),
       next_step::start,
       lsn{0x4800},
       {{gap_kind::forked, at(1, 0x4800), at(3, 0x4800)}}},
      {"a_sibling_that_was_promoted_at_the_same_place_is_another_all_the_same",
       first,
       sibling(3, 0x5000),
       slot_at(0x4000),
       next_step::start,
       lsn{0x5000},
       {{gap_kind::forked, at(1, 0x5000), at(3, 0x5000)}}},
      {"a_siblings_own_standby_is_a_sibling",
       first,
       grown,
       slot_at(0x4000),
       next_step::start,
       lsn{0x5000},
       {{gap_kind::forked, at(1, 0x5000), at(3, 0x5000)}}},
      {"a_sibling_without_the_slot_makes_one",
       first,
       sibling(3, 0x5800),
       std::nullopt,
       next_step::create,
       {},
       {{gap_kind::forked, at(1, 0x5000)}}},
      {"a_sibling_whose_timeline_has_the_same_number_is_numbered_behind_all_that_is_stored",
       first,
       sibling(2, 0x5800),
       slot_at(0x4000),
       next_step::start,
       lsn{0x5000},
       {{gap_kind::forked, at(1, 0x5000), at(3, 0x5000)}}},
      {"a_sibling_of_the_same_number_that_has_not_come_so_far_is_too",
       first,
       changed(sibling(2, 0x4800), [](auto& s) { s.wal_end = lsn{0x6000}; }),
       slot_at(0x4000),
       next_step::start,
       lsn{0x4800},
       {{gap_kind::forked, at(1, 0x4800), at(4, 0x4800)}}},
      {"a_sibling_of_a_lower_number_is_no_old_primary",
       followed(3, {3, {{1, lsn{0x5000}}}}),
       sibling(2, 0x5800),
       slot_at(0x4000),
       next_step::start,
       lsn{0x5000},
       {{gap_kind::forked, at(1, 0x5000), at(4, 0x5000)}}},
      {"an_old_primary_is_known_by_its_history",
       followed(3, {3, {{1, lsn{0x5000}}, {2, lsn{0x5400}}}}), sibling(2, 0x5000), slot_at(0x4000),
       next_step::divergence},
      {"a_siblings_standby_with_the_same_number_as_ours_in_between_is_no_successor",
       first,
       changed(of_the_first, [](auto& s) { s.history.left[0].switch_point = lsn{0x5800}; }),
       slot_at(0x4000),
       next_step::start,
       lsn{0x5000},
       {{gap_kind::forked, at(1, 0x5000), at(3, 0x5000)}}},
      {"the_first_itself_goes_on", first, sibling(2, 0x5000), slot_at(0x4000), next_step::start,
       lsn{0x6000}},
      {"the_firsts_own_standby_goes_on", first, of_the_first, slot_at(0x4000), next_step::start,
       lsn{0x6000}},
      {"one_that_was_followed_and_never_captured_from_does_not_count",
       followed(1, {2, {{1, lsn{0x7000}}}}), sibling(3, 0x8000), slot_at(0x4000), next_step::start,
       lsn{0x6000}},
      // As state from before they were kept, and a mark that was moved just before they were.
      {"without_known_timelines_the_server_is_believed",
       followed(2, {}),
       sibling(3, 0x5800),
       slot_at(0x4000),
       next_step::start,
       lsn{0x5800},
       {{gap_kind::forked, at(1, 0x5800), at(3, 0x5800)}}},
      {"timelines_that_do_not_have_the_stored_one_are_not_known",
       followed(3, {2, {{1, lsn{0x5000}}}}), sibling(3, 0x5800), slot_at(0x4000), next_step::start,
       lsn{0x6000}},
  };
}

class start_rules : public ::testing::TestWithParam<rule> {};

TEST_P(start_rules, decide) {
  expect_decided(GetParam());
}

INSTANTIATE_TEST_SUITE_P(slot, start_rules, ::testing::ValuesIn(rules_of_a_slot()), name_of);
INSTANTIATE_TEST_SUITE_P(beginning, start_rules, ::testing::ValuesIn(rules_of_a_beginning()),
                         name_of);
INSTANTIATE_TEST_SUITE_P(servers, start_rules, ::testing::ValuesIn(rules_of_other_servers()),
                         name_of);
INSTANTIATE_TEST_SUITE_P(siblings, start_rules, ::testing::ValuesIn(rules_of_siblings()), name_of);

TEST(timelines, a_promoted_server_keeps_the_timeline_of_what_its_predecessors_wrote) {
  const timelines history{3, {{1, lsn{0x1000}}, {2, lsn{0x7000}}}};
  EXPECT_EQ(history.at(lsn{0xfff}), 1U);
  EXPECT_EQ(history.at(lsn{0x1000}), 2U);
  EXPECT_EQ(history.at(lsn{0x6fff}), 2U);
  EXPECT_EQ(history.at(lsn{0x7000}), 3U);
}

}  // namespace
}  // namespace pulse::source::testing

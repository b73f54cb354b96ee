#include <optional>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/source/start_rule.hpp"

namespace pulse::source::testing {
namespace {

// Timelines of these begin at 1 again, and LSNs are given again: all positions must be behind those
// that are stored.
std::vector<rule> rules_of_other_histories() {
  const auto other = changed(same_server, [](auto& s) {
    s.system_identifier = "772";
    s.wal_end = lsn{0x2000};
  });
  const auto neighbour = changed(same_server, [](auto& s) { s.database_oid = 6; });
  const auto set_back = changed(same_server, [](auto& s) { s.wal_end = lsn{0x4fff}; });
  const auto lost = changed(slot_at(0x1000), [](auto& s) { s.lost = true; });
  const auto active = changed(slot_at(0x1000), [](auto& s) { s.active = true; });
  const auto promoted = changed(some_history, [](auto& s) {
    s.timeline = 3;
    s.whose.history = {3, {{1, lsn{0x1000}}, {2, lsn{0x2000}}}};
  });
  // A promotion that was seen, and of which nothing has been stored.
  const auto seen =
      changed(some_history, [](auto& s) { s.whose.history = {2, {{1, lsn{0x6000}}}}; });
  const auto in_part =
      changed(some_history, [](auto& s) { s.newest = {1, lsn{0x5100}, lsn{0x5080}, 3}; });
  // Of "772/5", whose first timeline is the fourth here; nothing of it is stored yet, or some.
  const auto begun = changed(promoted, [](auto& s) {
    s.whose = {"772/5", 3, {4, {}}, at(4, 0x1000), {{"771/5", 0, at(3, 0x5000)}}};
  });
  const auto gone_on = changed(begun, [](auto& s) {
    s.whose.begins = {};
    s.timeline = 4;
    s.covered_through = lsn{0x1800};
  });
  const auto grown =
      changed(same_server, [](auto& s) { s.history = {3, {{1, lsn{0x1000}}, {2, lsn{0x2000}}}}; });
  const auto of_another = [](position after, std::optional<position> through = {}) {
    return gap_bounds{gap_kind::another_database, after, through};
  };
  return {
      {"another_server_goes_on_behind_a_gap_from_now",
       some_history,
       other,
       std::nullopt,
       next_step::create,
       {},
       of_another(at(1, 0x5000))},
      {"another_server_with_a_slot_goes_on_there", some_history, other, slot_at(0x1000),
       next_step::start, lsn{0x1000}, of_another(at(1, 0x5000), at(2, 0x1000))},
      {"another_server_with_a_slot_of_no_use_gets_another",
       some_history,
       other,
       lost,
       next_step::replace,
       {},
       of_another(at(1, 0x5000))},
      {"another_server_with_a_slot_in_use_is_waited_for",
       some_history,
       other,
       active,
       next_step::wait,
       {},
       of_another(at(1, 0x5000))},
      {"another_database_of_the_same_cluster_is_another_too", some_history, neighbour,
       slot_at(0x5000), next_step::start, lsn{0x5000}, of_another(at(1, 0x5000), at(2, 0x5000))},
      {"it_begins_behind_the_part_that_is_stored_of_a_transaction_cut_short", in_part, other,
       slot_at(0x1000), next_step::start, lsn{0x1000},
       of_another({1, lsn{0x5100}, lsn{0x5080}, 3}, at(2, 0x1000))},
      {"it_is_numbered_behind_the_timelines_of_promotions", promoted, other, slot_at(0x1000),
       next_step::start, lsn{0x1000}, of_another(at(3, 0x5000), at(4, 0x1000))},
      {"it_is_numbered_behind_a_timeline_of_which_nothing_is_stored", seen, other, slot_at(0x1000),
       next_step::start, lsn{0x1000}, of_another(at(1, 0x5000), at(3, 0x1000))},
      {"what_was_begun_and_not_stored_yet_goes_on_without_another_gap", begun, other,
       slot_at(0x800), next_step::start, lsn{0x1000}},
      {"a_slot_that_is_gone_before_anything_of_it_is_stored_is_a_gap_of_its_own",
       begun,
       other,
       std::nullopt,
       next_step::create,
       {},
       {{gap_kind::slot_missing, at(4, 0x1000)}}},
      {"another_database_goes_on_as_any_other", gone_on, other, slot_at(0x1000), next_step::start,
       lsn{0x1800}},
      {"a_gap_in_it_is_numbered_as_it_is",
       gone_on,
       other,
       slot_at(0x1900),
       next_step::start,
       lsn{0x1900},
       {{gap_kind::slot_ahead, at(4, 0x1800), at(4, 0x1900)}}},
      {"the_way_back_is_read_on_where_it_was_left", gone_on, grown, slot_at(0x4800),
       next_step::start, lsn{0x5000}, of_another(at(4, 0x1800), at(7, 0x5000))},
      {"the_way_back_with_a_slot_that_has_moved_on_begins_there", gone_on, grown, slot_at(0x5800),
       next_step::start, lsn{0x5800}, of_another(at(4, 0x1800), at(7, 0x5800))},
      {"the_way_back_to_one_that_was_promoted_begins_where_its_slot_does", gone_on,
       changed(grown,
               [](auto& s) {
                 s.history.left.push_back({3, lsn{0x4800}});
                 s.history.current = 4;
               }),
       slot_at(0x4400), next_step::start, lsn{0x4400}, of_another(at(4, 0x1800), at(7, 0x4400))},
      {"a_log_that_is_an_older_copy_than_what_is_known_of_it_is_a_gap",
       changed(begun, [](auto& s) { s.whose.begins = {}; }),
       other,
       slot_at(0x1900),
       next_step::start,
       lsn{0x1900},
       {{gap_kind::slot_ahead, at(3, 0x5000), at(4, 0x1900)}}},
      {"a_log_of_which_nothing_is_known_any_more_is_another_databases_where_numbers_fall",
       changed(promoted, [](auto& s) { s.whose = {}; }), same_server, slot_at(0x4000),
       next_step::start, lsn{0x4000}, of_another(at(3, 0x5000), at(4, 0x4000))},
      {"a_database_set_back_in_place_goes_on_behind_a_gap_where_its_slot_is",
       some_history,
       set_back,
       slot_at(0x4000),
       next_step::start,
       lsn{0x4000},
       {{gap_kind::set_back, at(1, 0x5000), at(2, 0x4000)}}},
      {"a_database_set_back_to_what_is_covered_lacks_a_transaction_that_was_cut_short",
       changed(some_history, [](auto& s) { s.newest = {1, lsn{0x5100}, lsn{0x5080}, 3}; }),
       changed(same_server, [](auto& s) { s.wal_end = lsn{0x5100}; }),
       slot_at(0x4000),
       next_step::start,
       lsn{0x4000},
       {{gap_kind::set_back, {1, lsn{0x5100}, lsn{0x5080}, 3}, at(2, 0x4000)}}},
      {"a_database_set_back_in_place_without_the_slot_goes_on_from_now",
       some_history,
       set_back,
       std::nullopt,
       next_step::create,
       {},
       {{gap_kind::set_back, at(1, 0x5000)}}},
  };
}

class other_histories : public ::testing::TestWithParam<rule> {};

TEST_P(other_histories, are_numbered_behind_all_that_is_stored) {
  expect_decided(GetParam());
}

INSTANTIATE_TEST_SUITE_P(every, other_histories, ::testing::ValuesIn(rules_of_other_histories()),
                         name_of);

}  // namespace
}  // namespace pulse::source::testing

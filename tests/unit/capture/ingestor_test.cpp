#include "capture/ingestor.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "log/memory_log.hpp"
#include "log/memory_relations.hpp"
#include "tests/support/test_events.hpp"

namespace pulse::capture {
namespace {

constexpr std::uint32_t table_oid = 500;
constexpr std::uint32_t text_oid = 25;
constexpr std::uint32_t unknown_oid = 70'000;

type_catalog types_with(std::uint32_t oid) {
  type_catalog types;
  types.put({text_oid, "pg_catalog", "text"});
  types.put({oid, "public", "mood", 'e'});
  return types;
}

// A transaction with its changes, as the decoder hands them over.
struct transaction {
  std::uint64_t commit = 0;
  std::vector<std::uint32_t> ordinals;  // each change is at `commit - 10`
};

// The log outlives the process's parts: restart() makes new ones.
struct ingest_rig {
  ingest_rig() { restart(); }

  void restart() {
    if (part) part->publish_figures();
    part = std::make_unique<ingestor>("shop", events, relations, numbers);
    part->use_types(types);
    part->start({1});
  }

  result<void> describe(std::uint32_t type) {
    return part->on_relation({table_oid,
                              {"public", "t"},
                              replica_identity::primary_key,
                              {{"id", true, type, -1}, {"b", false, text_oid, -1}}});
  }

  result<void> change(std::uint64_t at, std::uint32_t ordinal, std::uint32_t oid = table_oid) {
    row_change one;
    one.at = lsn{at};
    one.ordinal = ordinal;
    one.relation_oid = oid;
    one.after = tuple_view::trusted(as_byte_view(row));
    return part->on_change(one);
  }

  void begin(const transaction& of) {
    EXPECT_TRUE(part->on_begin({lsn{of.commit}, unix_time_us(std::chrono::seconds(1000)), 7}));
  }

  void play(const transaction& of) {
    begin(of);
    for (const auto ordinal : of.ordinals) EXPECT_TRUE(change(of.commit - 10, ordinal));
    EXPECT_TRUE(part->on_commit({lsn{of.commit}, lsn{of.commit + 5}}));
  }

  std::vector<testing::read_event> stored() const {
    const auto reader = events.read({}, 0);
    return testing::collect(*reader);
  }

  template <class Metric>
  double counted(const Metric& what) {
    part->publish_figures();
    return numbers.counter(what, "shop").Value();
  }

  const std::string row = testing::text_tuple({"1", "x"});
  type_catalog types = types_with(unknown_oid + 1);
  log::memory_log events{1U << 24U};
  log::memory_relations relations;
  metrics numbers;
  std::unique_ptr<ingestor> part;
};

TEST(ingestor, gives_each_change_its_position_and_a_rising_id) {
  ingest_rig rig;
  ASSERT_TRUE(rig.describe(text_oid));
  rig.play({100, {0, 1}});
  const auto stored = rig.stored();
  ASSERT_EQ(stored.size(), 2U);
  EXPECT_EQ(stored[0].at, (position{1, lsn{100}, lsn{90}, 0}));
  EXPECT_EQ(stored[1].at, (position{1, lsn{100}, lsn{90}, 1}));
  EXPECT_LT(stored[0].id, stored[1].id);
  EXPECT_EQ(rig.part->received_through(), lsn{105});
  EXPECT_EQ(rig.events.bounds().covered_through, lsn{105});
}

TEST(ingestor, change_that_is_stored_already_keeps_its_event_and_is_counted) {
  ingest_rig rig;
  ASSERT_TRUE(rig.describe(text_oid));
  rig.play({100, {0, 1}});
  const auto before = rig.stored();
  rig.restart();
  ASSERT_TRUE(rig.describe(text_oid));
  rig.play({100, {0, 1}});
  const auto after = rig.stored();
  ASSERT_EQ(after.size(), before.size());
  for (std::size_t i = 0; i < after.size(); ++i) EXPECT_EQ(after[i].id, before[i].id);
  EXPECT_EQ(rig.counted(metric::events_captured), 2);
  EXPECT_EQ(rig.counted(metric::events_recaptured), 2);
}

TEST(ingestor, remembers_where_transactions_of_this_connection_committed_whatever_they_held) {
  ingest_rig rig;
  rig.begin({100, {}});
  EXPECT_EQ(rig.part->recent().find(7), std::nullopt) << "it is not wholly here yet";
  ASSERT_TRUE(rig.part->on_commit({lsn{100}, lsn{105}}));
  EXPECT_EQ(rig.part->recent().find(7), (position{1, lsn{100}, lsn{100}, 0}));
  rig.part->start({1});
  EXPECT_EQ(rig.part->recent().find(7), std::nullopt);
}

TEST(ingestor, a_transaction_counts_once_and_only_when_something_of_it_is_appended) {
  ingest_rig rig;
  ASSERT_TRUE(rig.describe(text_oid));
  rig.play({100, {}});
  EXPECT_EQ(rig.counted(metric::transactions_captured), 0) << "an empty one";
  rig.play({110, {0, 1}});
  EXPECT_EQ(rig.counted(metric::transactions_captured), 1);
  rig.begin({120, {}});
  ASSERT_TRUE(rig.change(110, 0));
  rig.part->start({1});
  ASSERT_TRUE(rig.describe(text_oid));
  rig.play({110, {0, 1}});
  EXPECT_EQ(rig.counted(metric::transactions_captured), 2) << "sent again";
  rig.play({120, {0, 1}});
  EXPECT_EQ(rig.counted(metric::transactions_captured), 2) << "sent again after a part of it";
  rig.play({130, {0}});
  EXPECT_EQ(rig.counted(metric::transactions_captured), 3);
}

TEST(ingestor, what_a_promoted_server_sends_of_its_predecessor_keeps_the_predecessors_timeline) {
  ingest_rig rig;
  ASSERT_TRUE(rig.describe(text_oid));
  rig.begin({100, {}});
  ASSERT_TRUE(rig.change(90, 0));
  rig.part->start({2, {{1, lsn{110}}}});
  ASSERT_TRUE(rig.describe(text_oid));
  rig.play({100, {0, 1}});
  rig.play({120, {0}});
  const auto stored = rig.stored();
  ASSERT_EQ(stored.size(), 3U) << "the change that was stored before the promotion is recognised";
  EXPECT_EQ(stored[1].at, (position{1, lsn{100}, lsn{90}, 1}));
  EXPECT_EQ(stored[2].at, (position{2, lsn{120}, lsn{110}, 0}));
  EXPECT_EQ(rig.events.bounds().timeline, 2U);
  EXPECT_EQ(rig.events.bounds().covered_through, lsn{125});
}

TEST(ingestor, tells_once_of_each_transaction_that_it_stores_anything_of) {
  ingest_rig rig;
  std::vector<position> told;
  rig.part->tell_of_transactions([&](std::uint32_t xid, const position& through) {
    EXPECT_EQ(xid, 7U);
    told.push_back(through);
  });
  ASSERT_TRUE(rig.describe(text_oid));
  rig.play({100, {0, 1}});
  rig.play({120, {}});
  rig.play({140, {0}});
  EXPECT_EQ(told, (std::vector<position>{{1, lsn{100}, lsn{100}, 0}, {1, lsn{140}, lsn{140}, 0}}));
  for (const auto& event : rig.stored()) {
    EXPECT_NE(event.at <= told[0], event.at.commit == lsn{140}) << "it is between them";
    EXPECT_LE(event.at, told[1]);
  }
  rig.part->start({1});
  ASSERT_TRUE(rig.describe(text_oid));
  rig.play({140, {0}});
  EXPECT_EQ(told.size(), 2U) << "what is stored already is told of no more";
}

TEST(ingestor, partly_stored_transaction_goes_on_where_it_was_cut) {
  ingest_rig rig;
  ASSERT_TRUE(rig.describe(text_oid));
  rig.begin({100, {}});
  ASSERT_TRUE(rig.change(90, 0));
  EXPECT_TRUE(rig.part->in_transaction());
  EXPECT_EQ(rig.events.bounds().covered_through, lsn{}) << "its commit has not been seen";
  rig.restart();
  EXPECT_FALSE(rig.part->in_transaction());
  ASSERT_TRUE(rig.describe(text_oid));
  rig.play({100, {0, 1, 2}});
  const auto stored = rig.stored();
  ASSERT_EQ(stored.size(), 3U);
  EXPECT_LT(stored[0].id, stored[1].id);
  EXPECT_LT(stored[1].id, stored[2].id);
}

TEST(ingestor, type_that_the_catalog_lacks_waits_for_a_newer_one) {
  ingest_rig rig;
  ASSERT_TRUE(rig.describe(unknown_oid));
  EXPECT_TRUE(rig.part->needs_catalog());
  const auto newer = types_with(unknown_oid);
  ASSERT_TRUE(rig.part->resolve_with(newer));
  EXPECT_FALSE(rig.part->needs_catalog());
  rig.play({100, {0}});
  const auto definition = rig.relations.find(1);
  ASSERT_NE(definition, nullptr);
  EXPECT_EQ(definition->columns[0].type.kind, value_kind::enumeration);
}

TEST(ingestor, type_that_is_gone_is_taken_as_text) {
  ingest_rig rig;
  ASSERT_TRUE(rig.describe(unknown_oid));
  ASSERT_TRUE(rig.part->resolve_with(rig.types));
  EXPECT_FALSE(rig.part->needs_catalog());
  rig.play({100, {0}});
  EXPECT_EQ(rig.stored().size(), 1U);
}

TEST(ingestor, altered_table_gets_a_new_version_of_the_same_table) {
  ingest_rig rig;
  ASSERT_TRUE(rig.describe(text_oid));
  rig.play({100, {0}});
  ASSERT_TRUE(rig.describe(unknown_oid + 1));
  rig.play({200, {0}});
  const auto stored = rig.stored();
  ASSERT_EQ(stored.size(), 2U);
  EXPECT_EQ(stored[0].table, stored[1].table);
  EXPECT_NE(rig.relations.find(2), nullptr);
}

TEST(ingestor, change_of_a_table_that_was_not_described_is_an_error) {
  ingest_rig rig;
  rig.begin({100, {}});
  const auto taken = rig.change(90, 0);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, errc::protocol);
  // On a new connection the server describes each table again; what was known before may be old.
  ASSERT_TRUE(rig.describe(text_oid));
  rig.part->start({1});
  rig.begin({100, {}});
  EXPECT_FALSE(rig.change(90, 0));
}

TEST(ingestor, truncate_becomes_an_event_without_rows_that_is_counted_once) {
  ingest_rig rig;
  row_change truncate;
  truncate.at = lsn{90};
  truncate.ordinal = truncate.relation_oid = table_oid;
  truncate.action = change_action::truncate;
  for (int connection = 0; connection < 2; ++connection) {
    ASSERT_TRUE(rig.describe(text_oid));
    rig.begin({100, {}});
    ASSERT_TRUE(rig.part->on_change(truncate));
    rig.part->start({1});
  }
  const auto stored = rig.stored();
  ASSERT_EQ(stored.size(), 1U);
  EXPECT_EQ(stored[0].at, (position{1, lsn{100}, lsn{90}, table_oid}));
  EXPECT_EQ(stored[0].action, change_action::truncate);
  EXPECT_EQ(stored[0].payload, "");
  EXPECT_EQ(rig.counted(metric::truncates), 1);
  EXPECT_EQ(rig.counted(metric::events_captured), 0);
}

// However often the connection or the process is cut, and wherever: every change is stored once, in
// order, with an id that rises and that a later sending does not change.
TEST(ingestor, what_statements_have_altered_is_asked_for_with_what_waits) {
  ingest_rig rig;
  rig.begin({100, {}});
  ASSERT_TRUE(rig.part->on_message({lsn{90}, ddl_message_prefix, "7 8"}));
  ASSERT_TRUE(rig.part->on_message({lsn{91}, ddl_message_prefix, "8 9"}));
  EXPECT_FALSE(rig.part->waits());
  ASSERT_TRUE(rig.describe(unknown_oid));
  EXPECT_TRUE(rig.part->waits());
  auto outdated = rig.part->take_outdated();
  std::ranges::sort(outdated.tables);
  EXPECT_EQ(outdated.tables, (std::vector<std::uint32_t>{7, 8, 9, table_oid}));
  EXPECT_EQ(outdated.types, (std::vector<std::uint32_t>{unknown_oid, text_oid}));
  EXPECT_FALSE(outdated.everything);
  // What still waits is asked for again, the rest once.
  EXPECT_EQ(rig.part->take_outdated().tables, (std::vector<std::uint32_t>{table_oid}));
  ASSERT_TRUE(rig.part->on_message({lsn{92}, ddl_message_prefix, "*"}));
  EXPECT_TRUE(rig.part->take_outdated().everything);
}

TEST(ingestor, a_table_that_is_not_sent_holds_up_what_lies_behind_the_place_where_that_began) {
  ingest_rig rig;
  rig.begin({100, {}});
  ASSERT_TRUE(rig.part->on_message({lsn{89}, ddl_message_prefix, "# !8"}));
  EXPECT_FALSE(rig.part->waits()) << "anybody can write that";
  rig.part->use_ddl_token("12");
  ASSERT_TRUE(rig.part->on_message({lsn{90}, ddl_message_prefix, "#12 7 !8"}));
  EXPECT_TRUE(rig.part->waits());
  EXPECT_FALSE(rig.part->needs_catalog());
  const auto unsent = rig.part->take_unsent();
  ASSERT_EQ(unsent.size(), 1U);
  EXPECT_EQ(unsent[0].oid, 8U);
  EXPECT_EQ(unsent[0].after, (position{1, lsn{100}, lsn{90}, 0}));
  EXPECT_FALSE(rig.part->waits());
}

RC_GTEST_PROP(ingestor_property, cuts_anywhere_lose_and_repeat_nothing, ()) {
  ingest_rig rig;
  const auto count = *rc::gen::inRange<std::uint64_t>(1, 6);
  std::vector<transaction> history;
  std::vector<position> expected;
  for (std::uint64_t i = 1; i <= count; ++i) {
    transaction one{i * 100, {}};
    const auto changes = *rc::gen::inRange<std::uint32_t>(1, 5);
    for (std::uint32_t n = 0; n < changes; ++n) {
      one.ordinals.push_back(n);
      expected.push_back({1, lsn{one.commit}, lsn{one.commit - 10}, n});
    }
    history.push_back(std::move(one));
  }
  std::vector<event_id> seen;
  const auto check_ids = [&] {
    const auto stored = rig.stored();
    RC_ASSERT(stored.size() >= seen.size());
    for (std::size_t i = 0; i < seen.size(); ++i) RC_ASSERT(stored[i].id == seen[i]);
    seen.clear();
    for (const auto& one : stored) seen.push_back(one.id);
    RC_ASSERT(std::ranges::is_sorted(seen));
    RC_ASSERT(std::ranges::adjacent_find(seen) == seen.end());
  };
  const auto cuts = *rc::gen::inRange(0, 5);
  for (int cut = 0; cut <= cuts; ++cut) {
    RC_ASSERT(rig.describe(text_oid).has_value());
    // The server sends again whatever ends after the mark.
    const auto from = rig.part->received_through();
    auto room =
        cut == cuts ? expected.size() : *rc::gen::inRange<std::size_t>(0, expected.size() + 1);
    for (const auto& one : history) {
      if (one.commit + 5 <= from.value || room == 0) continue;
      if (one.ordinals.size() <= room) {
        room -= one.ordinals.size();
        rig.play(one);
        continue;
      }
      rig.begin(one);
      for (const auto ordinal : one.ordinals) {
        if (room == 0) break;
        --room;
        RC_ASSERT(rig.change(one.commit - 10, ordinal).has_value());
      }
    }
    check_ids();
    if (*rc::gen::arbitrary<bool>()) {
      rig.restart();
    } else {
      rig.part->start({1});
    }
  }
  std::vector<position> positions;
  for (const auto& one : rig.stored()) positions.push_back(one.at);
  RC_ASSERT(positions == expected);
}

}  // namespace
}  // namespace pulse::capture

#include "control/state_store.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <sys/stat.h>
#include <tuple>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "control/catalog_json.hpp"
#include "control/key_ring.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/unit/control/catalog_of.hpp"
#include "tests/unit/control/stepped_clock.hpp"

namespace pulse::control {
namespace {

const table_name users{"public", "users"};

position at(std::uint64_t commit, std::uint32_t ordinal = 0) {
  return {1, lsn{commit}, lsn{commit - 1}, ordinal};
}

// The store of one directory, which can be closed and opened again.
struct kept_store {
  explicit kept_store(const std::filesystem::path& directory)
      : path((directory / "pulse.db").string()), opened(state_store::open(path, clock)) {}

  state_store& operator*() { return opened.value(); }
  state_store* operator->() { return &opened.value(); }
  void reopen() {
    opened = error{errc::cancelled, "closed", {}};
    opened = state_store::open(path, clock);
  }

  std::string path;
  stepped_clock clock;
  result<state_store> opened;
};

class state_store_test : public ::testing::Test {
 protected:
  testing::temporary_directory directory_;
  kept_store store_{directory_.path()};
};

TEST(state_files, are_readable_by_their_owner_alone_also_when_they_were_not) {
  const testing::temporary_directory directory;
  const auto before = ::umask(0);
  const auto mode_of = [](const std::filesystem::path& path) {
    return static_cast<unsigned>(std::filesystem::status(path).permissions());
  };
  const auto check = [&] {
    kept_store store(directory.path());
    ASSERT_TRUE(store->set_fact("shop", "name", "value"));
    for (const auto& file : std::filesystem::directory_iterator(directory.path()))
      EXPECT_EQ(mode_of(file.path()), 0600U) << file.path();
  };
  check();
  for (const auto& file : std::filesystem::directory_iterator(directory.path()))
    std::filesystem::permissions(file.path(), std::filesystem::perms{0644});
  check();
  ::umask(before);
}

TEST_F(state_store_test, new_cursor_begins_where_it_is_told_and_an_old_one_where_it_was) {
  EXPECT_EQ(store_->open_cursor("p", users, "mail", at(10)).value(), at(10));
  EXPECT_EQ(store_->open_cursor("p", users, "mail", at(99)).value(), at(10));
  store_.reopen();
  EXPECT_EQ(store_->open_cursor("p", users, "mail", at(99)).value(), at(10));
}

TEST_F(state_store_test, cursors_follow_renamed_tables_with_the_catalog_that_says_so) {
  const table_name people{"public", "people"};
  ASSERT_TRUE(store_->open_cursor("p", users, "mail", at(10)));
  ASSERT_TRUE(store_->open_cursor("q", users, "mail", at(20)));
  ASSERT_TRUE(store_->keep_catalog("p", catalog_of({{1, users}})));
  const auto now = catalog_of({{1, people}});
  ASSERT_TRUE(store_->keep_catalog("p", now));
  store_.reopen();
  EXPECT_EQ(store_->open_cursor("p", people, "mail", at(99)).value(), at(10));
  EXPECT_EQ(store_->open_cursor("p", users, "mail", at(99)).value(), at(99)) << "the name is free";
  EXPECT_EQ(store_->open_cursor("q", users, "mail", at(99)).value(), at(20));
  EXPECT_EQ(to_json(*store_->last_catalog("p").value()), to_json(*now));
}

// Whatever is done to cursors before the rename is stored would be done under the wrong names.
TEST_F(state_store_test, a_rename_that_could_not_be_stored_goes_before_whatever_comes_next) {
  const table_name people{"public", "people"};
  const std::map<std::string, std::function<bool(state_store&)>> next{
      {"open",
       [&](state_store& store) {
         return store.open_cursors("p", {{people, "mail", at(99)}}).has_value();
       }},
      {"save",
       [&](state_store& store) {
         const auto missing = store.save_cursors("p", {{people, "mail", at(10)}});
         return missing && missing->empty();
       }},
      {"seek",
       [&](state_store& store) {
         return store.seek_cursor("p", people, "mail", at(10)).has_value();
       }},
      {"mark",
       [&](state_store& store) {
         return store.mark_abandoned("p", people, "mail", true).has_value();
       }},
      {"delete",
       [&](state_store& store) { return store.delete_cursor("p", people, "gone").has_value(); }},
      {"catalog",
       [&](state_store& store) {
         return store.keep_catalog("p", catalog_of({{1, people}, {2, {"public", "new"}}}))
             .has_value();
       }},
  };
  for (const auto& [what, run] : next) {
    SCOPED_TRACE(what);
    const testing::temporary_directory directory;
    kept_store store(directory.path());
    ASSERT_TRUE(store->open_cursor("p", users, "mail", at(10)));
    ASSERT_TRUE(store->open_cursor("p", users, "gone", at(10)));
    ASSERT_TRUE(store->keep_catalog("p", catalog_of({{1, users}})));
    const auto operators = sqlite_database::open(store.path).value();
    ASSERT_TRUE(operators.execute(
        "CREATE TRIGGER full BEFORE UPDATE ON catalogs BEGIN SELECT RAISE(ABORT, 'full'); END"));
    EXPECT_FALSE(store->keep_catalog("p", catalog_of({{1, people}})));
    EXPECT_FALSE(run(*store)) << "not before the rename";
    ASSERT_TRUE(operators.execute("DROP TRIGGER full"));
    EXPECT_TRUE(run(*store));
    const auto stored = store->cursors("p").value();
    ASSERT_EQ(stored.size(), what == "delete" ? 1U : 2U);
    for (const auto& one : stored) {
      EXPECT_EQ(one.table, people);
      EXPECT_EQ(one.at, at(10));
    }
  }
}

TEST_F(state_store_test, cursors_of_swapped_tables_swap) {
  const table_name people{"public", "people"};
  ASSERT_TRUE(store_->open_cursor("p", users, "mail", at(10)));
  ASSERT_TRUE(store_->open_cursor("p", users, "audit", at(11)));
  ASSERT_TRUE(store_->open_cursor("p", people, "mail", at(20)));
  ASSERT_TRUE(store_->keep_catalog("p", catalog_of({{1, users}, {2, people}})));
  ASSERT_TRUE(store_->keep_catalog("p", catalog_of({{1, people}, {2, users}})));
  EXPECT_EQ(store_->open_cursor("p", people, "mail", at(99)).value(), at(10));
  EXPECT_EQ(store_->open_cursor("p", users, "mail", at(99)).value(), at(20));
  EXPECT_EQ(store_->open_cursor("p", people, "audit", at(99)).value(), at(11));
  EXPECT_EQ(store_->open_cursor("p", users, "audit", at(99)).value(), at(11))
      << "a reader of the name's new table misses nothing either";
}

TEST_F(state_store_test, a_cursor_that_the_new_name_has_already_stays) {
  const table_name fresh{"public", "users_new"};
  ASSERT_TRUE(store_->open_cursor("p", users, "mail", at(10)));
  ASSERT_TRUE(store_->open_cursor("p", fresh, "mail", at(20)));
  ASSERT_TRUE(store_->keep_catalog("p", catalog_of({{1, users}, {2, fresh}})));
  ASSERT_TRUE(store_->keep_catalog("p", catalog_of({{2, users}})));
  EXPECT_EQ(store_->open_cursor("p", users, "mail", at(99)).value(), at(10));
  EXPECT_EQ(store_->cursors("p")->size(), 1U);
}

TEST_F(state_store_test, cursors_of_other_projects_tables_and_names_are_others) {
  ASSERT_TRUE(store_->open_cursor("p", users, "mail", at(1)));
  EXPECT_EQ(store_->open_cursor("q", users, "mail", at(2)).value(), at(2));
  EXPECT_EQ(store_->open_cursor("p", {"audit", "users"}, "mail", at(3)).value(), at(3));
  EXPECT_EQ(store_->open_cursor("p", users, "index", at(4)).value(), at(4));
  ASSERT_TRUE(store_->save_cursors("q", {{users, "mail", at(20)}}));
  EXPECT_EQ(store_->open_cursor("p", users, "mail", at(9)).value(), at(1));
}

TEST_F(state_store_test, positions_keep_every_bit) {
  const position extreme{0xFFFFFFFFU, lsn{0xFFFFFFFFFFFFFFFFU}, lsn{0x8000000000000000U},
                         0xFFFFFFFFU};
  EXPECT_EQ(store_->open_cursor("p", users, "mail", extreme).value(), extreme);
}

TEST_F(state_store_test, save_does_not_bring_a_deleted_cursor_back_and_says_which_it_was) {
  ASSERT_TRUE(store_->open_cursor("p", users, "audit", at(1)));
  ASSERT_TRUE(store_->open_cursor("p", users, "mail", at(1)));
  ASSERT_TRUE(store_->delete_cursor("p", users, "mail"));
  const auto missing =
      store_->save_cursors("p", {{users, "mail", at(2)}, {users, "audit", at(2)}}).value();
  ASSERT_EQ(missing.size(), 1U);
  EXPECT_EQ(missing[0].name, "mail");
  const auto stored = store_->cursors("p").value();
  ASSERT_EQ(stored.size(), 1U);
  EXPECT_EQ(stored[0].at, at(2));
  EXPECT_EQ(store_->open_cursor("p", users, "mail", at(30)).value(), at(30));
}

TEST_F(state_store_test, deleting_a_cursor_that_is_not_there_says_so) {
  const auto deleted = store_->delete_cursor("p", users, "mail");
  ASSERT_FALSE(deleted);
  EXPECT_EQ(deleted.error().code, errc::not_found);
  EXPECT_NE(deleted.error().what.find("public.users"), std::string::npos);
}

TEST_F(state_store_test, listing_says_when_a_cursor_moved) {
  ASSERT_TRUE(store_->open_cursor("p", users, "mail", at(1)));
  const auto made = store_->cursors("p").value().at(0).moved_at;
  ASSERT_TRUE(store_->save_cursors("p", {{users, "mail", at(2)}}));
  const auto listed = store_->cursors("p").value();
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0].at, at(2));
  EXPECT_GT(listed[0].moved_at, made);
}

TEST_F(state_store_test, a_lease_stays_until_another_is_saved_or_the_cursor_is_moved) {
  ASSERT_TRUE(store_->open_cursor("p", users, "mail", at(1)));
  const auto lease = [&] { return store_->cursors("p").value().at(0).lease; };
  EXPECT_EQ(lease(), "");
  ASSERT_TRUE(store_->save_cursors("p", {{users, "mail", at(2), "until noon"}}));
  ASSERT_TRUE(store_->save_cursors("p", {{users, "mail", at(3)}}));
  EXPECT_EQ(lease(), "until noon");
  ASSERT_TRUE(store_->save_cursors("p", {{users, "mail", at(3), ""}}));
  EXPECT_EQ(lease(), "");
  ASSERT_TRUE(store_->save_cursors("p", {{users, "mail", at(3), "until two"}}));
  ASSERT_TRUE(store_->seek_cursor("p", users, "mail", at(1)));
  EXPECT_EQ(lease(), "");
}

TEST_F(state_store_test, a_lease_follows_its_renamed_table_and_no_copy_has_it) {
  ASSERT_TRUE(store_->keep_catalog("p", catalog_of({{1, users}})));
  ASSERT_TRUE(store_->open_cursor("p", users, "mail", at(1)));
  ASSERT_TRUE(store_->save_cursors("p", {{users, "mail", at(1), "until noon"}}));
  const table_name people{"public", "people"};
  ASSERT_TRUE(store_->keep_catalog("p", catalog_of({{1, people}, {2, users}})));
  const auto stored = store_->cursors("p").value();
  ASSERT_EQ(stored.size(), 2U);
  EXPECT_EQ(stored[0].table, people);
  EXPECT_EQ(stored[0].lease, "until noon");
  EXPECT_EQ(stored[1].lease, "");
}

TEST_F(state_store_test, names_are_data_and_never_sql) {
  const std::string nasty = "x'; DROP TABLE cursors; --\n\xC3\xA9";
  ASSERT_TRUE(store_->open_cursor(nasty, {nasty, nasty}, nasty, at(5)));
  const auto listed = store_->cursors(nasty).value();
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0].name, nasty);
  EXPECT_EQ(listed[0].table, (table_name{nasty, nasty}));
}

TEST_F(state_store_test, revoked_key_stays_revoked_after_a_restart) {
  const auto made = make_key("p", "worker").value();
  ASSERT_TRUE(store_->add_key(made.stored));
  ASSERT_TRUE(store_->revoke_key("p", made.stored.id));
  // The settings' own key is added at every start: that must not make it valid again.
  ASSERT_TRUE(store_->add_key(made.stored));
  store_.reopen();
  const auto keys = store_->keys().value();
  ASSERT_EQ(keys.size(), 1U);
  EXPECT_TRUE(keys[0].revoked_at.has_value());
  EXPECT_EQ(keys[0].label, "worker");
}

TEST_F(state_store_test, revoking_takes_the_keys_own_project_and_works_once) {
  const auto made = make_key("p", "").value();
  ASSERT_TRUE(store_->add_key(made.stored));
  EXPECT_EQ(store_->revoke_key("q", made.stored.id).error().code, errc::not_found);
  EXPECT_TRUE(store_->revoke_key("p", made.stored.id));
  EXPECT_EQ(store_->revoke_key("p", made.stored.id).error().code, errc::not_found);
}

TEST_F(state_store_test, no_file_holds_a_secret) {
  const auto made = make_key("p", "").value();
  ASSERT_TRUE(store_->add_key(made.stored));
  const auto random_part = made.secret.substr(made.secret.rfind('_') + 1);
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), {});
    EXPECT_EQ(bytes.find(random_part), std::string::npos) << entry.path();
    ++files;
  }
  EXPECT_GE(files, 1U);
}

TEST_F(state_store_test, facts_are_replaced_and_absent_ones_are_nothing) {
  EXPECT_EQ(store_->fact("p", "system_identifier").value(), std::nullopt);
  ASSERT_TRUE(store_->set_fact("p", "system_identifier", "7"));
  ASSERT_TRUE(store_->set_fact("p", "system_identifier", "8"));
  ASSERT_TRUE(store_->set_fact("q", "system_identifier", "9"));
  store_.reopen();
  EXPECT_EQ(store_->fact("p", "system_identifier").value(), "8");
}

TEST_F(state_store_test, commits_are_synced_and_readers_do_not_block) {
  // A second connection sees the file's lasting setting; the first one's own is asked of itself.
  auto other = sqlite_database::open(store_.path).value();
  auto mode = other.prepare("PRAGMA journal_mode").value();
  ASSERT_TRUE(mode.step().value());
  EXPECT_EQ(mode.text(0), "wal");
  auto synchronous = other.prepare("PRAGMA synchronous").value();
  ASSERT_TRUE(synchronous.step().value());
  EXPECT_EQ(synchronous.number(0), 2);  // FULL
}

TEST_F(state_store_test, file_of_a_newer_program_is_refused_untouched) {
  {
    auto other = sqlite_database::open(store_.path).value();
    ASSERT_TRUE(other.execute("PRAGMA user_version = 1000"));
  }
  store_.reopen();
  ASSERT_FALSE(store_.opened);
  EXPECT_EQ(store_.opened.error().code, errc::unsupported);
  auto other = sqlite_database::open(store_.path).value();
  auto version = other.prepare("PRAGMA user_version").value();
  ASSERT_TRUE(version.step().value());
  EXPECT_EQ(version.number(0), 1000);
}

TEST(state_store, file_that_is_no_database_is_an_error_that_names_it) {
  const testing::temporary_directory directory;
  const auto path = directory.path() / "pulse.db";
  std::ofstream(path) << std::string(4096, 'x');
  const stepped_clock clock;
  const auto opened = state_store::open(path.string(), clock);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().what.find(path.string()), std::string::npos) << opened.error().what;
}

// Any order of opening, saving, deleting and restarting gives what a map gives: a cursor is where
// it was last saved, in the order of the calls, and exists from its opening to its deletion.
RC_GTEST_PROP(state_store_property, cursors_are_where_the_last_save_put_them, ()) {
  const testing::temporary_directory directory;
  kept_store store(directory.path());
  using key = std::tuple<std::string, std::string, std::string>;
  std::map<key, position> model;
  const auto some_key = rc::gen::tuple(rc::gen::element<std::string>("p", "q"),
                                       rc::gen::element<std::string>("a", "b"),
                                       rc::gen::element<std::string>("x", "y", "z"));
  const auto some_position = rc::gen::map(rc::gen::inRange<std::uint64_t>(1, 1000),
                                          [](std::uint64_t commit) { return at(commit); });
  const auto steps = *rc::gen::inRange(1, 40);
  for (int step = 0; step < steps; ++step) {
    const auto [project, table, name] = *some_key;
    const table_name named{"public", table};
    switch (*rc::gen::inRange(0, 8)) {
      case 0:
      case 1:
      case 2: {
        const auto initial = *some_position;
        const auto [entry, inserted] = model.try_emplace({project, table, name}, initial);
        RC_ASSERT(store->open_cursor(project, named, name, initial).value() == entry->second);
        break;
      }
      case 3:
      case 4:
      case 5: {
        // Several at once, some of the same cursor: the later counts.
        std::vector<state_store::moved_cursor> moved;
        const auto count = *rc::gen::inRange(0, 5);
        for (int i = 0; i < count; ++i) {
          const auto [ignored, other_table, other_name] = *some_key;
          const auto to = *some_position;
          moved.push_back({{"public", other_table}, other_name, to});
          const auto found = model.find({project, other_table, other_name});
          if (found != model.end()) found->second = to;
        }
        RC_ASSERT(store->save_cursors(project, moved).has_value());
        break;
      }
      case 6:
        RC_ASSERT(store->delete_cursor(project, named, name).has_value() ==
                  (model.erase({project, table, name}) == 1));
        break;
      default:
        store.reopen();
        break;
    }
  }
  std::map<key, position> listed;
  for (const auto* project : {"p", "q"}) {
    for (const auto& one : store->cursors(project).value())
      listed[{project, one.table.name, one.name}] = one.at;
  }
  RC_ASSERT(listed == model);
}

}  // namespace
}  // namespace pulse::control

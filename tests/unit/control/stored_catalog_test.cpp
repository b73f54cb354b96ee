#include "control/stored_catalog.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "control/catalog_json.hpp"
#include "control/state_store.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/unit/control/catalog_of.hpp"
#include "tests/unit/control/stepped_clock.hpp"

namespace pulse::control {
namespace {

const table_name kept_accounts{"public", "accounts"};
const table_name kept_people{"public", "people"};
const table_name kept_other{"public", "other"};
const position kept_at{1, lsn{10}, lsn{9}, 0};
const position kept_elsewhere{1, lsn{99}, lsn{98}, 0};

class stored_catalog_test : public ::testing::Test {
 protected:
  stored_catalog_test() : opened_(state_store::open(path_, clock_)) {}

  state_store& store() { return opened_.value(); }
  void reopen() {
    opened_ = error{errc::cancelled, "closed", {}};
    opened_ = state_store::open(path_, clock_);
  }

  testing::temporary_directory directory_;
  std::string path_ = (directory_.path() / "pulse.db").string();
  stepped_clock clock_;
  result<state_store> opened_;
};

TEST_F(stored_catalog_test, a_catalog_is_kept_in_pieces_and_only_what_has_changed_is_written) {
  ASSERT_TRUE(store().keep_catalog("p", catalog_of({{1, kept_accounts}, {2, kept_other}})));
  ASSERT_TRUE(store().keep_catalog("q", catalog_of({{1, kept_accounts}})));
  reopen();
  const auto operators = sqlite_database::open(path_).value();
  ASSERT_TRUE(operators.execute(
      "CREATE TRIGGER once BEFORE DELETE ON catalogs WHEN old.oid = 2 BEGIN SELECT RAISE(ABORT, "
      "'written again'); END; CREATE TRIGGER twice BEFORE UPDATE ON catalogs BEGIN SELECT "
      "RAISE(ABORT, 'written again'); END"));
  const auto now = catalog_of({{2, kept_other}, {3, {"public", "new"}}});
  ASSERT_TRUE(store().keep_catalog("p", now));
  reopen();
  EXPECT_EQ(store().last_catalog("p").value()->tables, now->tables);
  EXPECT_EQ(store().last_catalog("q").value()->tables, catalog_of({{1, kept_accounts}})->tables);
  EXPECT_EQ(store().last_catalog("none").value(), nullptr);
}

TEST_F(stored_catalog_test, a_catalog_of_an_earlier_version_is_followed_by_pieces) {
  ASSERT_TRUE(store().open_cursor("p", kept_accounts, "mail", kept_at));
  ASSERT_TRUE(store().set_fact("p", "catalog", to_json(*catalog_of({{1, kept_accounts}}))));
  reopen();
  EXPECT_EQ(store().last_catalog("p").value()->tables, catalog_of({{1, kept_accounts}})->tables);
  ASSERT_TRUE(store().keep_catalog("p", catalog_of({{1, kept_people}})));
  EXPECT_EQ(store().open_cursor("p", kept_people, "mail", kept_elsewhere).value(), kept_at);
  EXPECT_EQ(store().fact("p", "catalog").value(), std::nullopt);
  reopen();
  EXPECT_EQ(store().last_catalog("p").value()->tables, catalog_of({{1, kept_people}})->tables);
}

TEST_F(stored_catalog_test, a_stored_catalog_that_cannot_be_read_is_written_anew) {
  ASSERT_TRUE(store().keep_catalog("p", catalog_of({{1, kept_accounts}})));
  reopen();
  const auto operators = sqlite_database::open(path_).value();
  ASSERT_TRUE(operators.execute("UPDATE catalogs SET value = '{' WHERE kind = 0"));
  EXPECT_EQ(store().last_catalog("p").error().code, errc::corrupt);
  const auto now = catalog_of({{2, kept_other}});
  ASSERT_TRUE(store().keep_catalog("p", now));
  reopen();
  EXPECT_EQ(store().last_catalog("p").value()->tables, now->tables);
}

}  // namespace
}  // namespace pulse::control

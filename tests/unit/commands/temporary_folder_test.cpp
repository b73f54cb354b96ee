#include "commands/temporary_folder.hpp"

#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>

namespace pulse::commands::temporary_folder_test {
namespace {

namespace fs = std::filesystem;

constexpr const char* marker = "made-by-pulse-dev";

class temporary_folder : public ::testing::Test {
 protected:
  void SetUp() override {
    auto name = (fs::temp_directory_path() / "pulse-folders-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    in_ = name;
  }
  void TearDown() override { fs::remove_all(in_); }

  void mark(const char* name) const { std::ofstream(in_ / name / marker) << ""; }

  fs::path in_;
};

TEST_F(temporary_folder, goes_with_its_owner_and_is_closed_to_others) {
  fs::path path;
  {
    const auto made = commands::temporary_folder::make(in_);
    ASSERT_TRUE(made);
    path = made->path();
    EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_all);
    fs::create_directories(path / "below" / "it");
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(temporary_folder, stays_while_it_is_used_and_is_removed_when_its_run_was_killed) {
  const auto used = commands::temporary_folder::make(in_);
  ASSERT_TRUE(used);
  fs::create_directories(in_ / "pulse-dev-killed" / "postgres");
  mark("pulse-dev-killed");
  fs::create_directories(in_ / "pulse-dev-empty0");
  remove_unused_folders(in_);
  EXPECT_TRUE(fs::exists(used->path()));
  EXPECT_FALSE(fs::exists(in_ / "pulse-dev-killed"));
  EXPECT_FALSE(fs::exists(in_ / "pulse-dev-empty0")) << "it was killed before it had marked it";
}

TEST_F(temporary_folder, of_another_making_stays) {
  fs::create_directories(in_ / "pulse-dev-mine01" / "work");
  for (const auto* name : {"pulse-dev-longer1", "pulse-dev-short", "pulse-dev-a.b.c."}) {
    fs::create_directories(in_ / name);
    mark(name);
  }
  fs::create_directories(in_ / "anothers");
  mark("anothers");
  fs::create_directory_symlink(in_ / "anothers", in_ / "pulse-dev-linked");
  // A marker that is no file of Pulse's.
  fs::create_directories(in_ / "pulse-dev-nofile" / marker);
  remove_unused_folders(in_);
  for (const auto* name : {"pulse-dev-mine01", "pulse-dev-longer1", "pulse-dev-short",
                           "pulse-dev-a.b.c.", "pulse-dev-linked", "pulse-dev-nofile"}) {
    EXPECT_TRUE(fs::exists(in_ / name)) << name;
  }
  EXPECT_TRUE(fs::exists(in_ / "anothers" / marker));
}

TEST_F(temporary_folder, is_marked) {
  const auto made = commands::temporary_folder::make(in_);
  ASSERT_TRUE(made);
  EXPECT_TRUE(fs::is_regular_file(made->path() / marker));
}

TEST_F(temporary_folder, says_where_it_cannot_be_made) {
  const auto made = commands::temporary_folder::make(in_ / "missing");
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().what.find("missing"), std::string::npos);
}

}  // namespace
}  // namespace pulse::commands::temporary_folder_test

#include "app/data_dir.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "tests/support/temporary_directory.hpp"

namespace pulse::app {
namespace {

namespace fs = std::filesystem;

unsigned mode_of(const fs::path& path) {
  return static_cast<unsigned>(fs::status(path).permissions());
}

std::string read(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

class data_dir_test : public ::testing::Test {
 protected:
  fs::path data() const { return directory_.path() / "state" / "pulse"; }
  testing::temporary_directory directory_;
};

TEST_F(data_dir_test, is_made_for_this_user_alone) {
  const auto before = ::umask(0);
  ASSERT_TRUE(prepare_data_dir(data()));
  ::umask(before);
  EXPECT_EQ(mode_of(data()), 0700U);
  EXPECT_TRUE(prepare_data_dir(data())) << "a second start";
}

TEST_F(data_dir_test, empty_directory_that_is_open_to_others_is_closed) {
  fs::create_directories(data());
  fs::permissions(data(), fs::perms{0755});
  ASSERT_TRUE(prepare_data_dir(data()));
  EXPECT_EQ(mode_of(data()), 0700U);
}

// It may be /tmp or somebody's home: closing it would break what is there.
TEST_F(data_dir_test, directory_with_content_that_is_open_to_others_is_refused_and_left_alone) {
  fs::create_directories(data() / "something");
  for (const auto mode : {0777U, 0755U, 0770U}) {
    fs::permissions(data(), fs::perms{mode});
    const auto prepared = prepare_data_dir(data());
    ASSERT_FALSE(prepared) << mode;
    EXPECT_NE(prepared.error().message().find("chmod 700"), std::string::npos);
    EXPECT_EQ(mode_of(data()), mode);
  }
}

TEST_F(data_dir_test, directory_of_another_user_is_refused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a directory away";
  fs::create_directories(data());
  constexpr ::uid_t somebody = 12345;
  ASSERT_EQ(::chown(data().c_str(), somebody, somebody), 0);
  const auto prepared = prepare_data_dir(data());
  ASSERT_FALSE(prepared);
  EXPECT_EQ(prepared.error().code, errc::unauthorized);
}

TEST_F(data_dir_test, file_in_its_place_is_refused) {
  std::ofstream(directory_.path() / "file") << "x";
  const auto prepared = prepare_data_dir(directory_.path() / "file");
  ASSERT_FALSE(prepared);
  EXPECT_NE(prepared.error().what.find("not a directory"), std::string::npos);
}

TEST_F(data_dir_test, private_file_replaces_and_is_readable_by_its_owner_alone) {
  const auto path = directory_.path() / "key";
  std::ofstream(path) << "old and longer than the new one";
  fs::permissions(path, fs::perms{0644});
  std::ofstream(path.string() + ".tmp") << "somebody's";
  ASSERT_TRUE(write_private_file(path, "new\n"));
  EXPECT_EQ(read(path), "new\n");
  EXPECT_EQ(mode_of(path), 0600U);
  EXPECT_EQ(read(path.string() + ".tmp"), "somebody's");
  EXPECT_EQ(std::distance(fs::directory_iterator(directory_.path()), {}), 2) << "nothing is left";
}

TEST_F(data_dir_test, private_file_that_cannot_be_written_says_why_and_leaves_nothing) {
  const auto path = directory_.path() / "directory";
  fs::create_directories(path / "full");
  ASSERT_FALSE(write_private_file(path, "x"));
  EXPECT_EQ(std::distance(fs::directory_iterator(directory_.path()), {}), 1);
  EXPECT_FALSE(write_private_file(directory_.path() / "nowhere" / "file", "x"));
}

TEST_F(data_dir_test, admin_token_is_made_once_and_found_again) {
  const auto made = prepare_admin_token(directory_.path(), "").value();
  EXPECT_GE(made.size(), 43U);
  EXPECT_EQ(prepare_admin_token(directory_.path(), "").value(), made);
  EXPECT_EQ(read_admin_token(directory_.path()).value(), made);
  EXPECT_EQ(mode_of(directory_.path() / "admin-token"), 0600U);
}

TEST_F(data_dir_test, admin_token_that_is_given_takes_the_stored_ones_place) {
  ASSERT_TRUE(prepare_admin_token(directory_.path(), ""));
  EXPECT_EQ(prepare_admin_token(directory_.path(), "given").value(), "given");
  EXPECT_EQ(read_admin_token(directory_.path()).value(), "given");
}

TEST_F(data_dir_test, admin_token_that_is_given_needs_no_room_on_the_disk) {
  ASSERT_TRUE(prepare_admin_token(directory_.path(), "given"));
  const auto before = fs::last_write_time(directory_.path() / "admin-token");
  EXPECT_EQ(prepare_admin_token(directory_.path(), "given").value(), "given");
  EXPECT_EQ(fs::last_write_time(directory_.path() / "admin-token"), before) << "not written anew";
  // One that cannot be written serves all the same: whoever has given it knows it.
  EXPECT_EQ(prepare_admin_token(directory_.path() / "nowhere", "given").value(), "given");
  EXPECT_FALSE(prepare_admin_token(directory_.path() / "nowhere", ""));
}

TEST_F(data_dir_test, missing_admin_token_says_what_to_do) {
  const auto missing = read_admin_token(directory_.path());
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message().find("PULSE_ADMIN_TOKEN"), std::string::npos);
}

}  // namespace
}  // namespace pulse::app

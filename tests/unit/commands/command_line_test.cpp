#include "commands/command_line.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "change/gap_kind.hpp"

namespace pulse::commands {
namespace {

struct ended {
  int code;
  std::string out;
  std::string err;
};

ended run(std::vector<std::string> words) {
  words.insert(words.begin(), "pulse");
  std::vector<char*> arguments;
  arguments.reserve(words.size());
  for (auto& word : words) arguments.push_back(word.data());
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  const int code = run_command_line(static_cast<int>(arguments.size()), arguments.data());
  return {code, ::testing::internal::GetCapturedStdout(), ::testing::internal::GetCapturedStderr()};
}

TEST(command_line, version_and_help_are_answers) {
  EXPECT_EQ(run({"--version"}).code, 0);
  EXPECT_TRUE(run({"--version"}).out.starts_with("pulse "));
  const auto help = run({"serve", "--help"});
  EXPECT_EQ(help.code, 0);
  for (const auto* option :
       {"--database", "--listen", "--admin-listen", "--data-dir", "--api-key-file",
        "--event-persistence", "--config", "--fix", "--insecure", "--log-format", "--log-level"}) {
    EXPECT_NE(help.out.find(option), std::string::npos) << option;
  }
  // A key on a command line could be read by every user of the machine.
  EXPECT_EQ(help.out.find("--api-key "), std::string::npos);
}

TEST(command_line, help_tells_what_kinds_of_gaps_there_are) {
  const auto help = run({"gaps", "list", "--help"});
  EXPECT_EQ(help.code, 0);
  for (const auto& kind : all_gap_kinds()) {
    EXPECT_NE(help.out.find(kind.name), std::string::npos) << kind.name;
    EXPECT_NE(help.out.find(kind.meaning), std::string::npos) << kind.name;
  }
}

TEST(command_line, what_it_cannot_understand_is_usage_and_names_the_nearest) {
  EXPECT_EQ(run({}).code, 2);
  const auto command = run({"serv"});
  EXPECT_EQ(command.code, 2);
  EXPECT_NE(command.err.find("did you mean serve?"), std::string::npos) << command.err;
  const auto option = run({"serve", "--databse=x"});
  EXPECT_EQ(option.code, 2);
  EXPECT_NE(option.err.find("--databse"), std::string::npos) << option.err;
  EXPECT_NE(option.err.find("did you mean --database?"), std::string::npos) << option.err;
  const auto below = run({"keys", "revok", "x"});
  EXPECT_EQ(below.code, 2);
  EXPECT_NE(below.err.find("did you mean revoke?"), std::string::npos) << below.err;
}

TEST(command_line, bad_setting_is_usage) {
  const auto bad = run({"serve", "--listen", "nowhere"});
  EXPECT_EQ(bad.code, 2);
  EXPECT_NE(bad.err.find("--listen"), std::string::npos) << bad.err;
  EXPECT_EQ(run({"doctor", "--config", "/nowhere/pulse.toml"}).code, 2);
}

TEST(command_line, teardown_asks_for_yes) {
  const auto asked = run({"teardown", "--database", "postgresql://127.0.0.1:1/x"});
  EXPECT_EQ(asked.code, 2);
  EXPECT_NE(asked.err.find("--yes"), std::string::npos) << asked.err;
}

TEST(command_line, doctor_fails_on_a_database_that_it_cannot_reach_and_shows_no_password) {
  const auto people = run({"doctor", "--database", "postgresql://u:hunter2@127.0.0.1:1/x"});
  EXPECT_EQ(people.code, 1);
  EXPECT_NE(people.out.find("FAIL"), std::string::npos) << people.out;
  EXPECT_EQ((people.out + people.err).find("hunter2"), std::string::npos);
  const auto scripts =
      run({"doctor", "--json", "--database", "postgresql://u:hunter2@127.0.0.1:1/x"});
  EXPECT_EQ(scripts.code, 1);
  EXPECT_TRUE(scripts.out.starts_with("[{")) << scripts.out;
  EXPECT_EQ(scripts.out.find("hunter2"), std::string::npos);
}

}  // namespace
}  // namespace pulse::commands

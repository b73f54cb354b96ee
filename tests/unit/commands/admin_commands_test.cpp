#include "commands/admin_commands.hpp"

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "base/percent_encoding.hpp"
#include "commands/admin_client.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/unit/commands/canned_server.hpp"

namespace pulse::commands {
namespace {

constexpr const char* made_key_body =
    R"({"id":"abc","label":"","key":"pulse_abc_secret","createdAt":"2026-01-01T00:00:00.000Z"})";

TEST(call_admin, sends_the_token_and_gives_the_answer) {
  canned_server server({http_answer("200 OK", R"({"keys":[]})")});
  const auto answer = call_admin({server.url(), "the token"}, "GET", "/v1/projects/p/keys");
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_TRUE(answer->at("keys").is_array());
  const auto& asked = server.requests().at(0);
  EXPECT_TRUE(asked.starts_with("GET /v1/projects/p/keys HTTP/1.1\r\n")) << asked;
  EXPECT_NE(asked.find("Bearer the token\r\n"), std::string::npos) << asked;
}

TEST(call_admin, refusal_is_told_as_the_server_words_it) {
  canned_server server(
      {http_answer("401 Unauthorized", R"({"code":"P6102","message":"the token is wrong"})"),
       http_answer("404 Not Found", R"({"code":"P6100","message":"there is no project 'x'"})")});
  const auto wrong_token = call_admin({server.url(), "t"}, "GET", "/");
  ASSERT_FALSE(wrong_token);
  EXPECT_EQ(wrong_token.error().code, errc::unauthorized);
  const auto absent = call_admin({server.url(), "t"}, "GET", "/");
  ASSERT_FALSE(absent);
  EXPECT_NE(absent.error().what.find("P6100"), std::string::npos);
  EXPECT_NE(absent.error().what.find("there is no project 'x'"), std::string::npos);
}

TEST(call_admin, answer_of_something_else_is_an_error) {
  canned_server server({http_answer("200 OK", "<html>"), http_answer("200 OK", "[1]"),
                        "SSH-2.0-OpenSSH_9.2\r\n", ""});
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(call_admin({server.url(), "t"}, "GET", "/")) << i;
}

TEST(call_admin, nobody_there_says_what_to_start) {
  std::string url;
  {
    // Its port is free again afterwards.
    canned_server gone({});
    url = gone.url();
  }
  const auto answer = call_admin({url, "t"}, "GET", "/");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, errc::unavailable);
  EXPECT_NE(answer.error().message().find("pulse serve"), std::string::npos);
}

TEST(call_admin, url_of_another_scheme_is_refused_before_the_token_is_sent) {
  for (const auto* url : {"ftp://127.0.0.1:7858", "127.0.0.1:7858", ""}) {
    const auto answer = call_admin({url, "t"}, "GET", "/");
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, errc::invalid_argument) << url;
  }
}

TEST(percent_encode, leaves_nothing_that_ends_a_segment) {
  EXPECT_EQ(percent_encode("abc-Z_9"), "abc-Z_9");
  EXPECT_EQ(percent_encode("a/b.c?d#e f%"), "a%2Fb%2Ec%3Fd%23e%20f%25");
  EXPECT_EQ(percent_encode("\xC3\xA9\n"), "%C3%A9%0A");
}

TEST(create_key, with_out_writes_the_secret_to_a_private_file_only) {
  const testing::temporary_directory directory;
  const auto file = directory.path() / "key";
  canned_server server({http_answer("201 Created", made_key_body)});
  ::testing::internal::CaptureStdout();
  const int code = create_key({server.url(), "t"}, "p", "", {.json = false, .file = file.string()});
  const auto printed = ::testing::internal::GetCapturedStdout();
  EXPECT_EQ(code, 0);
  EXPECT_EQ(printed.find("secret"), std::string::npos) << printed;
  std::ifstream written(file);
  std::string line;
  std::getline(written, line);
  EXPECT_EQ(line, "pulse_abc_secret");
  EXPECT_EQ(static_cast<unsigned>(std::filesystem::status(file).permissions()), 0600U);
}

TEST(create_key, that_cannot_be_written_is_revoked) {
  canned_server server({http_answer("201 Created", made_key_body), http_answer("200 OK", "{}")});
  ::testing::internal::CaptureStderr();
  const int code =
      create_key({server.url(), "t"}, "p", "", {.json = false, .file = "/nowhere/key"});
  const auto said = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(code, 1);
  EXPECT_NE(said.find("/nowhere/key"), std::string::npos) << said;
  EXPECT_TRUE(server.requests().at(1).starts_with("DELETE /v1/projects/p/keys/abc "));
}

TEST(list_keys, prints_columns_for_people_and_json_for_scripts) {
  const std::string body =
      R"({"keys":[{"id":"abc","label":"mail worker","createdAt":"then","revokedAt":null}]})";
  canned_server server({http_answer("200 OK", body), http_answer("200 OK", body)});
  ::testing::internal::CaptureStdout();
  EXPECT_EQ(list_keys({server.url(), "t"}, "p", {}), 0);
  EXPECT_EQ(::testing::internal::GetCapturedStdout(),
            "id   label        createdAt  revokedAt\n"
            "abc  mail worker  then\n");
  ::testing::internal::CaptureStdout();
  EXPECT_EQ(list_keys({server.url(), "t"}, "p", {.json = true, .file = {}}), 0);
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), body + "\n");
}

TEST(delete_stream, encodes_schema_table_and_name_as_segments) {
  canned_server server({http_answer("200 OK", "{}"), http_answer("200 OK", "{}")});
  ::testing::internal::CaptureStdout();
  EXPECT_EQ(delete_stream({server.url(), "t"}, "p", "audit.log/2", "a b", {}), 0);
  EXPECT_EQ(delete_stream({server.url(), "t"}, "p", "users", "mail", {}), 0);
  ::testing::internal::GetCapturedStdout();
  EXPECT_TRUE(
      server.requests().at(0).starts_with("DELETE /v1/projects/p/cursors/audit.log%2F2/a%20b "));
  EXPECT_TRUE(server.requests().at(1).starts_with("DELETE /v1/projects/p/cursors/public.users/"));
}

}  // namespace
}  // namespace pulse::commands

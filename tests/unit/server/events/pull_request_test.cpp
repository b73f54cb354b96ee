#include "server/events/pull_request.hpp"

#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>

#include "tests/support/contract.hpp"

namespace pulse::server::pull_request_test {

namespace json = boost::json;
using ::testing::HasSubstr;

result<pull_body> parse(const std::string& body) {
  return parse_pull("mail", body, streams::lease_limits{});
}

TEST(pull_request, has_defaults) {
  const auto read = parse(R"({"table":"public.orders"})");
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->wanted.name, "mail");
  EXPECT_EQ(read->wanted.model.schema, "public");
  EXPECT_EQ(read->wanted.model.table, "orders");
  EXPECT_EQ(read->wanted.form, requests::event_form::native);
  EXPECT_FALSE(read->token);
  EXPECT_EQ(read->events_max, 100U);
  EXPECT_EQ(read->bytes_max, std::size_t{1} << 20U);
  EXPECT_EQ(read->wait, std::chrono::seconds(0));
  EXPECT_EQ(read->length, std::chrono::seconds(60));
  EXPECT_FALSE(read->from_beginning);
  EXPECT_FALSE(read->until_end);
}

TEST(pull_request, reads_every_member) {
  const auto id = to_string(make_event_id(1, lsn{16}, 0));
  const auto read =
      parse(R"({"table":"orders","where":{"create":{}},"from":"beginning","max":1000,)"
            R"("maxBytes":"8MiB","wait":"500ms","lease":"12h","token":"t","until":"end",)"
            R"("ack":{"through":")" +
            id + R"(","ids":[")" + id + R"("]}})");
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_TRUE(read->wanted.wanted.create);
  EXPECT_FALSE(read->wanted.wanted.remove);
  EXPECT_TRUE(read->from_beginning);
  EXPECT_EQ(read->events_max, 1000U);
  EXPECT_EQ(read->bytes_max, std::size_t{8} << 20U);
  EXPECT_EQ(read->wait, std::chrono::seconds(1)) << "a part of a second counts as one";
  EXPECT_EQ(read->length, std::chrono::hours(12));
  EXPECT_EQ(read->token, "t");
  EXPECT_TRUE(read->until_end);
  EXPECT_TRUE(read->acknowledged.through);
  EXPECT_EQ(read->acknowledged.ids.size(), 1U);
}

TEST(pull_request, names_the_member_that_is_wrong) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "not JSON"},
      {"[]", "not a JSON object"},
      {R"({"max":1})", "table"},
      {R"({"table":"orders","max":0})", "max is not 1 to 1000 events"},
      {R"({"table":"orders","max":1001})", "max"},
      {R"({"table":"orders","maxBytes":"9MiB"})", "maxBytes"},
      {R"({"table":"orders","wait":"56s"})", "wait is not 0 to 55 s"},
      {R"({"table":"orders","lease":"13h"})", "lease"},
      {R"({"table":"orders","lease":0})", "lease"},
      {R"({"table":"orders","from":"yesterday"})", "from"},
      {R"({"table":"orders","until":"now"})", "until"},
      {R"({"table":"orders","ack":{"through":"01M84XND8700002N0800000000"}})", "token"},
      {R"({"table":"orders","token":"t","ack":{"through":"x"}})", "ack.through"},
      {R"({"table":"orders","token":"t","ack":{"ids":["x"]}})", "ack.ids[0]"},
      {R"({"table":"orders","token":"t","ack":{"id":[]}})", "ids"},
      {R"({"table":"orders","tokens":"t"})", "token"},
      {R"({"table":"orders","retry":[]})", "retry"},
  };
  for (const auto& [body, part] : cases) {
    const auto read = parse(body);
    ASSERT_FALSE(read) << body;
    EXPECT_EQ(read.error().code, errc::invalid_argument) << body;
    EXPECT_THAT(read.error().message(), HasSubstr(part)) << body;
  }
}

TEST(pull_request, refuses_a_name_that_cannot_be) {
  EXPECT_FALSE(parse_pull(std::string(513, 'x'), R"({"table":"orders"})", {}));
  EXPECT_FALSE(parse_pull("a\x01", R"({"table":"orders"})", {}));
}

TEST(lease_change, needs_a_token_and_does_one_thing_with_the_lease) {
  const auto change = [](const std::string& body) { return parse_lease_change("mail", body, {}); };
  EXPECT_TRUE(change(R"({"token":"t","extend":"60s"})"));
  const auto released = change(R"({"table":"orders","token":"t","release":true})");
  ASSERT_TRUE(released);
  EXPECT_TRUE(released->release);
  EXPECT_FALSE(change(R"({"release":true})"));
  EXPECT_FALSE(change(R"({"token":"t","release":"yes"})"));
  EXPECT_FALSE(change(R"({"token":"t","release":true,"extend":"60s"})"));
  EXPECT_FALSE(change(R"({"token":"t","extend":"13h"})"));
}

// contract/pulls.json: what clients in other languages can be tested against.
TEST(pull_request, reads_the_examples_of_the_contract) {
  const auto examples = pulse::testing::read_contract("pulls.json").as_object();
  for (const auto& one : examples.at("pulls").as_array())
    EXPECT_TRUE(parse(json::serialize(one.at("request")))) << one.at("name");
  for (const auto& one : examples.at("acknowledgements").as_array()) {
    EXPECT_TRUE(parse_lease_change("mail", json::serialize(one.at("request")), {}))
        << one.at("name");
  }
  for (const auto& one : examples.at("refused").as_array())
    EXPECT_FALSE(parse(json::serialize(one.at("request")))) << one.at("name");
}

}  // namespace pulse::server::pull_request_test

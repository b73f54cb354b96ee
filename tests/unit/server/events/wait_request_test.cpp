#include "server/events/wait_request.hpp"

#include <gmock/gmock.h>

namespace pulse::server::wait_request_test {

using ::testing::HasSubstr;

std::string refusal_of(std::string_view query) {
  const auto wanted = parse_wait("/v1/wait?" + std::string(query));
  return wanted ? "accepted" : wanted.error().message();
}

TEST(wait_request, names_a_transaction_or_a_place) {
  const auto by_id = parse_wait("/v1/wait?xid=8589934597");
  ASSERT_TRUE(by_id) << by_id.error().message();
  EXPECT_EQ(by_id->xid, 8589934597U);
  EXPECT_FALSE(by_id->at || by_id->now || by_id->stream);
  EXPECT_EQ(by_id->longest, std::chrono::seconds(5));
  const auto by_place = parse_wait("/v1/wait?lsn=1/A0&wait=250ms");
  ASSERT_TRUE(by_place) << by_place.error().message();
  EXPECT_EQ(by_place->at, (lsn{(std::uint64_t{1} << 32U) + 0xA0}));
  EXPECT_EQ(by_place->longest, std::chrono::milliseconds(250));
  const auto by_end = parse_wait("/v1/wait?lsn=now");
  ASSERT_TRUE(by_end) << by_end.error().message();
  EXPECT_TRUE(by_end->now && !by_end->at);
}

TEST(wait_request, names_a_stream_by_table_and_name) {
  const auto wanted = parse_wait("/v1/wait?lsn=now&table=my+schema.orders&name=m%26m");
  ASSERT_TRUE(wanted) << wanted.error().message();
  ASSERT_TRUE(wanted->stream);
  EXPECT_EQ(wanted->stream->name, "m&m");
  EXPECT_EQ(wanted->stream->model.schema, "my schema");
  EXPECT_EQ(wanted->stream->model.table, "orders");
  EXPECT_EQ(wanted->stream->form, requests::event_form::native);
}

// contract/wait.json has the others.
TEST(wait_request, is_refused_with_the_parameter_that_is_wrong) {
  EXPECT_THAT(refusal_of("xid="), HasSubstr("'xid'"));
  EXPECT_THAT(refusal_of("xid=0x10"), HasSubstr("'xid'"));
  EXPECT_THAT(refusal_of("xid=7&name=mail&table="), HasSubstr("'table'"));
  EXPECT_THAT(refusal_of("xid=7&name=&table=rows"), HasSubstr("give both"));
  EXPECT_THAT(refusal_of("xid=7&table=rows&name=" + std::string(513, 'n')), HasSubstr("512"));
  EXPECT_THAT(refusal_of("xid=7&wait=-1s"), HasSubstr("'wait'"));
  EXPECT_THAT(refusal_of("xid=7&" + std::string(100'000, 'x')), HasSubstr("unknown parameter"));
  EXPECT_EQ(refusal_of("xid=7&wait=0"), "accepted");
  EXPECT_EQ(refusal_of("xid=18446744073709551615&wait=55s"), "accepted");
}

}  // namespace pulse::server::wait_request_test

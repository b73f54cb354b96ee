#include "server/events/event_text.hpp"

#include <fstream>

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

namespace pulse::server::event_text_test {

namespace json = boost::json;

json::value contract() {
  std::ifstream file(std::string(PULSE_SOURCE_DIR) + "/contract/event_streams.json");
  return json::parse(file);
}

TEST(event_text, is_what_the_contract_says) {
  const auto texts = contract().at("texts").as_array();
  EXPECT_GE(texts.size(), 6U);
  for (const auto& one : texts) {
    const auto write = [&](event_format format) -> std::string {
      const auto* id = one.as_object().if_contains("id");
      const std::string text(id == nullptr ? "" : id->as_string());
      if (const auto* message = one.as_object().if_contains("message"))
        return message_text(format, message->as_object(), text);
      return event_text(format, *parse_event_id(text), one.at("json").as_string());
    };
    EXPECT_EQ(write(event_format::event_stream), one.at("event_stream").as_string());
    EXPECT_EQ(write(event_format::ndjson), one.at("ndjson").as_string());
  }
}

TEST(event_text, takes_the_format_that_the_client_names_first) {
  EXPECT_EQ(accepted_format(""), event_format::event_stream);
  EXPECT_EQ(accepted_format("*/*"), event_format::event_stream);
  EXPECT_EQ(accepted_format("text/event-stream"), event_format::event_stream);
  EXPECT_EQ(accepted_format("text/html;q=1, Application/X-NDJSON ;q=0.9, */*"),
            event_format::ndjson);
  EXPECT_EQ(accepted_format("application/json, text/*"), event_format::event_stream);
  EXPECT_EQ(accepted_format("application/json"), std::nullopt);
  EXPECT_EQ(accepted_format(",,"), std::nullopt);
}

TEST(last_event_id, is_an_event_or_the_end_after_it) {
  const auto id = *parse_event_id("01M84XND8700002N0800000000");
  EXPECT_EQ(parse_last_event_id("01M84XND8700002N0800000000")->id, id);
  EXPECT_FALSE(parse_last_event_id("01M84XND8700002N0800000000")->was_caught_up);
  for (const auto& last : {std::optional<event_id>(id), std::optional<event_id>()}) {
    const auto read = parse_last_event_id(end_id(last));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->id, last);
    EXPECT_TRUE(read->was_caught_up);
  }
  // Letters of an id, no mark.
  EXPECT_FALSE(parse_last_event_id("01m84xnd8700002n0800000end")->was_caught_up);
  for (const auto* wrong : {"7", ".end", "x.end", "end.end", "01M84XND8700002N0800000000.", " end"})
    EXPECT_FALSE(parse_last_event_id(wrong)) << wrong;
}

}  // namespace pulse::server::event_text_test

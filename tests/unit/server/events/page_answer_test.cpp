#include "server/events/page_answer.hpp"

#include <string>

#include <gtest/gtest.h>

namespace pulse::server {
namespace {

TEST(accepted_form, is_the_one_with_the_greatest_weight) {
  struct example {
    const char* accept;
    std::optional<page_form> form;
  };
  for (const auto& [accept, form] : {
           example{"", page_form::json},
           example{"*/*", page_form::json},
           example{"application/json", page_form::json},
           example{"application/*", page_form::json},
           example{"text/*", page_form::event_stream},
           example{"text/event-stream", page_form::event_stream},
           example{"Application/X-NDJSON", page_form::lines},
           example{"application/cloudevents-batch+json", page_form::cloudevents},
           example{"text/html, application/json;q=0.5, application/x-ndjson;q=0.9",
                   page_form::lines},
           example{"application/json;q=0, */*;q=0.1", page_form::lines},
           example{"application/json ; charset=utf-8 ; q=0.2 , text/event-stream;q=0.1",
                   page_form::json},
           example{"text/html", std::nullopt},
           example{"application/json;q=0", std::nullopt},
           example{"application/json;q=x", std::nullopt},
           example{",;,;q=,/", std::nullopt},
       })
    EXPECT_EQ(accepted_form(accept), form) << accept;
}

// A `json` column's text keeps the line breaks that it was written with.
TEST(pages_of_lines, have_each_event_on_one_line) {
  streams::event_page page;
  page.events_json = "{\"after\":{\"a\":\r\n1}}";
  streams::page_event event;
  event.end = page.events_json.size();
  page.events.push_back(event);
  const auto one_line = std::string("{\"after\":{\"a\":  1}}\n");
  const page_remarks remarks{"next", true, {}, false};
  EXPECT_TRUE(answer_of(page, remarks, page_form::lines, "shop").body.starts_with(one_line));
  EXPECT_NE(
      answer_of(page, remarks, page_form::event_stream, "shop").body.find("data: " + one_line),
      std::string::npos);
}

}  // namespace
}  // namespace pulse::server

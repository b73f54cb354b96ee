#include "server/events/page_answer.hpp"

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

}  // namespace
}  // namespace pulse::server

#include "server/events/page_answer.hpp"

#include <array>
#include <charconv>
#include <utility>

#include <boost/algorithm/string/predicate.hpp>
#include <boost/algorithm/string/trim.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "base/iso_time.hpp"
#include "base/percent_encoding.hpp"
#include "server/events/event_text.hpp"

namespace pulse::server {

namespace json = boost::json;

namespace {

constexpr std::array<page_form, 4> all_forms{page_form::json, page_form::lines,
                                             page_form::event_stream, page_form::cloudevents};

std::string_view take_until(std::string_view& text, char separator) {
  const auto part = text.substr(0, text.find(separator));
  text.remove_prefix(std::min(part.size() + 1, text.size()));
  return boost::algorithm::trim_copy(part);
}

struct media_range {
  std::string_view type;
  double weight = 1;
};

media_range parse_range(std::string_view text) {
  media_range range{take_until(text, ';')};
  while (!text.empty()) {
    const auto parameter = take_until(text, ';');
    if (!boost::algorithm::istarts_with(parameter, "q=")) continue;
    const auto weight = parameter.substr(2);
    const auto [end, failed] =
        std::from_chars(weight.data(), weight.data() + weight.size(), range.weight);
    if (failed != std::errc()) range.weight = 0;
  }
  return range;
}

// How closely a range names a type: 3 exactly, 1 for "*/*", 0 not at all.
int closeness(std::string_view range, page_form form) {
  const auto type = content_type_of(form);
  if (boost::algorithm::iequals(range, type)) return 3;
  if (form == page_form::cloudevents) return 0;
  if (range == "*/*") return 1;
  const auto slash = type.find('/');
  return range.ends_with("/*") && boost::algorithm::iequals(range.substr(0, range.size() - 1),
                                                            type.substr(0, slash + 1))
             ? 2
             : 0;
}

double weight_of(page_form form, std::string_view accept) {
  int best = 0;
  double weight = 0;
  while (!accept.empty()) {
    const auto range = parse_range(take_until(accept, ','));
    const auto close = closeness(range.type, form);
    if (close <= best) continue;
    best = close;
    weight = range.weight;
  }
  return weight;
}

std::string remarks_of(const page_remarks& remarks) {
  std::string text = R"("next":")";
  text += remarks.next;
  text += remarks.caught_up ? R"(","caughtUp":true,"end":{"lsn":")"
                            : R"(","caughtUp":false,"end":{"lsn":")";
  text += to_string(remarks.end);
  text += remarks.end_is_asked ? R"(","source":"database"}})" : R"(","source":"captured"}})";
  return text;
}

// Calls with each event and its JSON.
template <class Function>
void for_each_event(const streams::event_page& page, const Function& function) {
  std::size_t begin = 0;
  for (const auto& event : page.events) {
    function(event, std::string_view(page.events_json).substr(begin, event.end - begin));
    begin = event.end;
  }
}

std::string json_page(const streams::event_page& page, const page_remarks& remarks) {
  std::string text;
  text.reserve(page.events_json.size() + page.events.size() + 256);
  text += R"({"events":[)";
  for_each_event(page, [&](const auto&, std::string_view event) {
    if (!text.ends_with('[')) text += ',';
    text += event;
  });
  text += "],";
  text += remarks_of(remarks);
  return text;
}

std::string lines_page(const streams::event_page& page, const page_remarks& remarks) {
  std::string text;
  text.reserve(page.events_json.size() + page.events.size() + 256);
  for_each_event(page, [&](const auto&, std::string_view event) {
    append_on_one_line(text, event);
    text += '\n';
  });
  text += R"({"pulse":{)" + remarks_of(remarks) + "}\n";
  return text;
}

// The last message's id is the place of the whole page: an EventSource that connects again sends it
// as `last-event-id`.
std::string event_stream_page(const streams::event_page& page, const page_remarks& remarks) {
  std::string text;
  text.reserve(page.events_json.size() + page.events.size() * 48 + 256);
  for_each_event(page, [&](const streams::page_event& event, std::string_view json) {
    text += "id: " + to_string(event.id) + "\ndata: ";
    append_on_one_line(text, json);
    text += "\n\n";
  });
  text += "event: pulse\nid: " + remarks.next + "\ndata: {" + remarks_of(remarks) + "\n\n";
  return text;
}

// CloudEvents 1.0, JSON format, section 4.
std::string cloudevents_page(const streams::event_page& page, std::string_view project) {
  const auto source = "/projects/" + percent_encode(project);
  std::string text = "[";
  for_each_event(page, [&](const streams::page_event& event, std::string_view data) {
    auto attributes = json::serialize(
        json::object{{"specversion", "1.0"},
                     {"id", to_string(event.id)},
                     {"source", source},
                     {"type", "pulse." + std::string(to_string(event.action))},
                     {"subject", event.of ? to_string(event.of->table) : std::string()},
                     {"time", iso_time(event.committed_at)},
                     {"datacontenttype", "application/json"}});
    attributes.pop_back();
    if (text.size() > 1) text += ',';
    text += attributes;
    text += R"(,"data":)";
    text += data;
    text += '}';
  });
  text += ']';
  return text;
}

}  // namespace

std::string_view content_type_of(page_form form) {
  switch (form) {
    case page_form::json:
      return "application/json";
    case page_form::lines:
      return "application/x-ndjson";
    case page_form::event_stream:
      return "text/event-stream";
    case page_form::cloudevents:
      return "application/cloudevents-batch+json";
  }
  return "application/json";
}

std::optional<page_form> accepted_form(std::string_view accept) {
  if (accept.empty()) return page_form::json;
  std::optional<page_form> chosen;
  double greatest = 0;
  for (const auto form : all_forms) {
    const auto weight = weight_of(form, accept);
    if (weight <= greatest) continue;
    greatest = weight;
    chosen = form;
  }
  return chosen;
}

http_response answer_of(const streams::event_page& page, const page_remarks& remarks,
                        page_form form, std::string_view project) {
  http_response answer;
  answer.content_type = content_type_of(form);
  switch (form) {
    case page_form::json:
      answer.body = json_page(page, remarks);
      break;
    case page_form::lines:
      answer.body = lines_page(page, remarks);
      break;
    case page_form::event_stream:
      answer.body = event_stream_page(page, remarks);
      break;
    case page_form::cloudevents:
      answer.body = cloudevents_page(page, project);
      answer.headers = {{"pulse-next", remarks.next},
                        {"pulse-caught-up", remarks.caught_up ? "true" : "false"}};
      break;
  }
  return answer;
}

}  // namespace pulse::server

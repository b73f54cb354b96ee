// A page of events as an answer, in the form that the client accepts.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "change/lsn.hpp"
#include "server/http/http_message.hpp"
#include "streams/page_request.hpp"

namespace pulse::server {

enum class page_form {
  json,          // one object
  lines,         // application/x-ndjson: an event a line, then a line about the page
  event_stream,  // text/event-stream, as an EventSource reads it
  cloudevents,   // application/cloudevents-batch+json; only when it is named
};

std::string_view content_type_of(page_form form);

// What the Accept header (RFC 9110, section 12.5.1) asks for: the form with the greatest weight, of
// several the first in page_form's order. JSON without the header. Nothing: none of them.
std::optional<page_form> accepted_form(std::string_view accept);

// What is said of a page besides its events.
struct page_remarks {
  std::string next;
  bool caught_up = false;
  lsn end;                    // of the history, as far as it is known
  bool end_is_asked = false;  // the database was; else it is what was captured
};

// In CloudEvents, which have no place for them, the remarks are the headers pulse-next and
// pulse-caught-up; `project` is part of their source.
http_response answer_of(const streams::event_page& page, const page_remarks& remarks,
                        page_form form, std::string_view project);

}  // namespace pulse::server

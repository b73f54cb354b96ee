// Messages of consumers on an open stream: acknowledgements.
#pragma once

#include <string_view>
#include <vector>

#include "change/event_id.hpp"

namespace pulse::server {

struct client_message {
  enum class kind {
    acknowledgement,   // `id` has been dealt with
    acknowledgements,  // `ids` have
    through,           // everything that was delivered through `id` has
    unknown,    // valid JSON of another type, or an acknowledgement of what is no event id: counted
                // and ignored
    malformed,  // no JSON
  };
  kind what = kind::unknown;
  event_id id = {};
  std::vector<event_id> ids = {};
};

// Parses one text message: `{"type":"ack"}` with "id":"<event id>", "ids":["<event id>",…] or
// "through":"<event id>", in any JSON spelling. The client extension's own spelling needs no JSON
// parser. Text that is not UTF-8 is malformed.
client_message parse_client_message(std::string_view text);

}  // namespace pulse::server

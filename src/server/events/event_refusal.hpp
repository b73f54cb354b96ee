// How a request for an event stream is refused.
#pragma once

#include "server/events/event_text.hpp"
#include "server/http/http_exchange.hpp"
#include "server/http/refusal.hpp"

namespace pulse::server {

// An EventSource never asks again after another status than 200, and forgets what it has received.
// So what may work later (503) is for an event stream an answer without events: the message
// {"refused":{"status","code","message"}}, and when to ask again. All else is an error as usual.
void refuse_events(http_exchange& asked, event_format format, const refusal& why);

}  // namespace pulse::server

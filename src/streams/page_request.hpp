// One page of events as somebody asks for it who keeps the place, and what comes back.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/system/result.hpp>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "change/event.hpp"
#include "change/event_id.hpp"
#include "change/position.hpp"
#include "change/relation.hpp"
#include "change/table_facts.hpp"
#include "control/stored_gap.hpp"
#include "requests/request.hpp"

namespace pulse::streams {

struct page_table {
  requests::stream_request wanted;  // of native events
  table_shape shape;
};

struct page_request {
  std::vector<page_table> tables;  // at least one, each of them once
  position after;
  std::vector<std::uint64_t> accepted_gaps = {};  // ids of gaps that this reader continues behind
  std::size_t events_max = 100;
  std::size_t bytes_max = std::size_t{1} << 20U;  // of rendered events; a larger event goes alone
  std::chrono::milliseconds wait{0};              // for the first event
  // The page has no event after it, and is caught up when all events up to it were read: the end of
  // history, to which somebody reads and then stops. Nothing: there is no such end.
  std::optional<position> until = {};
  std::size_t held_bytes = 0;  // of memory that the request takes, about
};

struct page_event {
  event_id id;
  unix_time_us committed_at{};
  change_action action = change_action::create;
  std::shared_ptr<const relation> of;  // the table as it was at this change
  std::size_t end = 0;                 // of its JSON in event_page::events_json
};

struct event_page {
  std::string events_json;  // native events, one directly after the other
  std::vector<page_event> events;
  // Continues after the page, and after what the page has passed because nobody wanted it.
  position next;
  std::vector<std::uint64_t> accepted_gaps;  // of the request's, those that are not passed yet
  bool caught_up = false;  // there was nothing more to deliver, or up to the end asked for
};

// Why there is no page.
struct page_refusal {
  error why;
  std::optional<control::stored_gap> gap = {};  // that blocks the reader
  // Retention dropped events before they were read: errc::gap without a gap.
  bool is_expired = false;
  std::optional<event_id> oldest = {};  // the oldest event that is kept
};

using page_result = boost::system::result<event_page, page_refusal>;

}  // namespace pulse::streams

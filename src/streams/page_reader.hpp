// Reads one page, a portion at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "change/event.hpp"
#include "filters/event_values.hpp"
#include "filters/filter.hpp"
#include "filters/truth.hpp"
#include "log/event_log.hpp"
#include "rendering/frames.hpp"
#include "streams/hub.hpp"
#include "streams/known_gaps.hpp"
#include "streams/page_request.hpp"

namespace pulse::streams {

// Several tables come merged in the log's order. Ends at the readable end and before a gap that
// blocks the reader; never brings orphaned events. One owner, on the hub's thread.
class page_reader {
 public:
  // What one portion looks at, at most: events, and bytes of the log.
  static constexpr int portion_events = 512;
  static constexpr std::uint64_t portion_bytes = std::uint64_t{512} << 10U;

  enum class progress {
    unfinished,  // read on in a later turn
    complete,    // take() has the page
    at_end,      // the page is empty, and there is nothing more that may be delivered now
    held_back,   // the page is empty: look again whenever the log has grown, with events or without
    refused,     // refusal() says why
    damaged,     // what comes next cannot be read: damage() is to be recorded as a gap
  };

  // The error is that of hub::open() for a filter that does not fit its table. `with` and `gaps`
  // outlive it.
  static result<std::unique_ptr<page_reader>> make(const hub::parts& with, const known_gaps& gaps,
                                                   page_request request);
  page_reader(const page_reader&) = delete;
  page_reader& operator=(const page_reader&) = delete;

  progress read_portion(rendering::frame_source& frames);

  // Every event at or before it was delivered, or is not for this reader.
  const position& place() const { return place_; }
  // No event up to here is for this reader.
  void pass(const position& through);
  // Gives back what is only needed to read on; the next portion gets it again.
  void rest();

  const std::vector<table_id>& tables() const { return tables_; }
  const page_request& request() const { return request_; }

  // Once, after complete or at_end.
  event_page take();
  page_refusal refusal() { return std::move(refusal_); }
  const log::damaged_stretch& damage() const { return *damage_; }

 private:
  page_reader(const hub::parts& with, const known_gaps& gaps, page_request request)
      : with_(&with), gaps_(&gaps), request_(std::move(request)), place_(request_.after) {}

  // The filter of one table, compiled for each of the table's versions that the page meets.
  // Conditions that do not fit a version decide nothing.
  struct table_filters {
    const page_table* of = nullptr;
    std::unordered_map<relation_version, std::shared_ptr<const filters::filter>> compiled = {};
  };

  // page_request::until, if `at` is after it.
  position within_end(const position& at) const;
  const control::stored_gap* gap_before(const position& next) const;
  const filters::filter& filter_for(const event_view& event);
  std::optional<bool> is_wanted(const event_view& event);
  // False: there is no room for it.
  result<bool> append(const event_view& event, rendering::frame_source& frames);
  progress at_gap(const control::stored_gap& gap);
  progress at_end();
  progress reached_end();
  progress unreadable(const error& why);
  progress refuse(page_refusal why);

  const hub::parts* with_;
  const known_gaps* gaps_;
  const page_request request_;
  std::vector<table_id> tables_;
  std::unordered_map<table_id, table_filters> filters_;
  position place_;
  position covered_;  // by the log, before the reader looked for the next event
  event_page page_;
  std::unique_ptr<log::log_reader> reader_;
  // Of an event whose filter has not finished with it.
  const event_view* unjudged_ = nullptr;
  std::vector<std::optional<filters::truth>> outcomes_;
  std::optional<filters::event_values> values_;
  filters::work_units work_left_ = 0;
  std::pair<relation_version, std::shared_ptr<const relation>> last_relation_;
  page_refusal refusal_;
  std::optional<log::damaged_stretch> damage_;
};

// Returns the oldest event that is kept and may be delivered, of whatever table. Reads one block.
std::optional<event_id> oldest_deliverable(const hub::parts& with);

}  // namespace pulse::streams

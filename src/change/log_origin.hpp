// The source lineage of a log: the database of its events, and the numbers of its timelines.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "change/position.hpp"
#include "change/timelines.hpp"

namespace pulse {

// A database that was captured earlier. Capture may resume in its history where it was left.
struct left_database {
  std::string database;
  std::uint32_t timeline_base = 0;
  position mark;  // up to here all of it is stored

  bool operator==(const left_database&) const = default;
};

// Timelines count from 1 in every cluster, and positions must rise across histories. So a timeline
// in positions is the server's number plus a timeline offset (`base`), above all stored timelines
// of another history.
struct log_origin {
  std::string database = {};  // as catalog::database names it; empty: not known
  std::uint32_t timeline_base = 0;
  // The server's history, with timelines as positions number them; `current` zero: unknown.
  timelines history = {};
  // The start position of its events: the log's durable LSN has to move there first. Zero: it has
  // moved.
  position begins = {};
  std::vector<left_database> left = {};  // the last one last

  bool operator==(const log_origin&) const = default;
};

}  // namespace pulse

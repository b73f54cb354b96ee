// Which database a log's events are of, and how the timelines of its servers are numbered there.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "change/position.hpp"
#include "change/timelines.hpp"

namespace pulse {

// One that was captured from earlier. Its history may go on being read where it was left.
struct left_database {
  std::string database;
  std::uint32_t timeline_base = 0;
  position mark;  // up to here all of it is stored

  bool operator==(const left_database&) const = default;
};

// Timelines count from 1 in every cluster, and positions must rise whatever comes after what: in
// positions a timeline has its server's number and a base, by which all that was stored of another
// history before is lower.
struct log_origin {
  std::string database = {};  // as catalog::database names it; empty: not known
  std::uint32_t timeline_base = 0;
  // By which the server has come to where it is, as positions number it; `current` zero: not known.
  timelines history = {};
  // What is stored of it will begin here: the log's mark has to be moved there first. Zero: it was.
  position begins = {};
  std::vector<left_database> left = {};  // the last one last

  bool operator==(const log_origin&) const = default;
};

}  // namespace pulse

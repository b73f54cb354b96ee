// Models that have fields whose columns their table does not have: a client that was generated
// before a column was renamed or dropped. Its events come without these fields, and nothing tells
// it.
#pragma once

#include "requests/request.hpp"
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/line_allowance.hpp"
#include "change/event.hpp"
#include "change/position.hpp"
#include "change/relation.hpp"
#include "change/table_facts.hpp"
#include "streams/hub.hpp"

namespace pulse::streams {

// Says each of them once in the log: again only when other columns are missing, or the same ones
// after they were there. One owner; not thread-safe.
class outdated_models {
 public:
  // What was said is forgotten when it is of more streams than this, and may be said again.
  static constexpr std::size_t remembered_max = 10'000;
  // Clients decide how often there is something to say, and how many streams it is about.
  static constexpr std::uint64_t lines_per_second_max = 10;

  explicit outdated_models(std::string project) : project_(std::move(project)) {}

  // The table as this stream meets it, without regard to the columns that are not sent. True: a
  // line was written.
  bool look(const requests::stream_request& wanted, const relation& table,
            const std::vector<std::string>& not_sent, std::chrono::steady_clock::time_point now);

  // Each second or so: says how many were not told one by one.
  void tick(std::chrono::steady_clock::time_point now);

  std::size_t remembered() const { return said_.size(); }

 private:
  std::string project_;
  line_allowance lines_{lines_per_second_max};
  // Hashes, since names may be long: of what is missing, by that of the stream and its model.
  std::unordered_map<std::size_t, std::size_t> said_;
};

// One stream's model beside its table, from the stream's opening on.
class model_watch {
 public:
  // `now`: the position of what other sessions saw at the opening. All are used beyond this call,
  // but for `shape`.
  model_watch(const hub::parts& with, outdated_models& models,
              const requests::stream_request& wanted, const table_shape& shape,
              const position& now);

  // An event that the stream comes to. Cheap while the table stays as it is. What was stored before
  // the opening says nothing of the model: its columns may not have been made yet.
  void meet(const event_view& event) {
    if (event.relation != met_ && event.at > opened_at_) look_at(event.relation);
  }

 private:
  void look_at(relation_version version);

  const hub::parts* with_;
  outdated_models* models_;
  const requests::stream_request* wanted_;
  std::vector<std::string> not_sent_;  // there, and not replicated: generated, or left out
  position opened_at_;
  relation_version met_ = 0;
};

}  // namespace pulse::streams

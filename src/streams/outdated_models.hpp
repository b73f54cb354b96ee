// Models with fields whose columns their table lacks: the client was generated before a column was
// renamed or dropped. Its events come without these fields, so Pulse logs it.
#pragma once

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
#include "requests/request.hpp"
#include "streams/hub.hpp"

namespace pulse::streams {

// Logs each of them once: again only if other columns are missing, or the same ones after they
// existed. One owner; not thread-safe.
class outdated_models {
 public:
  // Above this number of streams, logged ones are forgotten and may be logged again.
  static constexpr std::size_t remembered_max = 10'000;
  // Clients decide how often there is something to log, so the lines are limited.
  static constexpr std::uint64_t lines_per_second_max = 10;

  explicit outdated_models(std::string project) : project_(std::move(project)) {}

  // Compares the stream's model with the table, ignoring columns that are not sent. True: a line
  // was logged.
  bool look(const requests::stream_request& wanted, const relation& table,
            const std::vector<std::string>& not_sent, std::chrono::steady_clock::time_point now);

  // Called about once a second: logs how many lines were left out.
  void tick(std::chrono::steady_clock::time_point now);

  std::size_t remembered() const { return said_.size(); }

 private:
  std::string project_;
  line_allowance lines_{lines_per_second_max};
  // Hashes, because names may be long: missing columns, by stream and model.
  std::unordered_map<std::size_t, std::size_t> said_;
};

// Compares one stream's model with its table, from the stream's opening on.
class model_watch {
 public:
  // `now`: the position that other sessions saw at the opening. All except `shape` are used beyond
  // this call.
  model_watch(const hub::parts& with, outdated_models& models,
              const requests::stream_request& wanted, const table_shape& shape,
              const position& now);

  // The stream has reached an event. Cheap while the table is unchanged. Events from before the
  // opening are ignored: the model's columns may not have existed.
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

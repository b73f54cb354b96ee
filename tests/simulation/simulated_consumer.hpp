// A consumer of one table, under a name or without one, and the network between.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "change/event_id.hpp"
#include "streams/hub.hpp"
#include "tests/simulation/plants.hpp"

namespace pulse::simulation {

// It acknowledges what it has, in any order; acknowledgements are under way for a while, overtake
// one another, arrive twice, on another connection than the event, or never.
class simulated_consumer {
 public:
  struct received {
    std::string key;
    event_id id;
  };
  using told = std::function<void(const received&)>;

  // `name` empty: an unnamed stream. With `bug` cursor_past_unacknowledged one acknowledgement
  // counts for all before it.
  simulated_consumer(std::uint32_t table, std::string name, plant bug, told on_event,
                     told on_acknowledged);

  streams::cursor_key cursor() const;
  bool named() const { return !name_.empty(); }
  bool connected() const { return connection_ != nullptr; }
  bool opened() const { return opened_; }

  // `start`: where it begins without a name, or with a new one.
  void connect(streams::hub& to, const position& start);
  // `closed`: the server is told; a process that is gone is told nothing.
  void disconnect(bool closed);
  void congest(bool full);

  void acknowledge(std::mt19937_64& chance);
  // Some of what is under way arrives. False: nothing is.
  bool deliver_acknowledgements(std::mt19937_64& chance);
  bool idle() const { return in_hand_.empty() && under_way_.empty(); }
  // The first thing that was wrong with what came.
  const std::string& problem() const { return problem_; }

 private:
  class connection;
  void acknowledge_to_hub(const event_id& id);
  void take(std::string_view event_json);

  std::uint32_t table_;
  std::string name_;
  plant bug_;
  told on_event_;
  told on_acknowledged_;
  streams::hub* hub_ = nullptr;
  std::shared_ptr<connection> connection_;
  filters::stream_id stream_{};
  bool opened_ = false;
  event_id last_id_;
  std::vector<event_id> came_;  // on this connection
  std::deque<received> in_hand_;
  std::deque<event_id> under_way_;
  std::string problem_;
};

}  // namespace pulse::simulation

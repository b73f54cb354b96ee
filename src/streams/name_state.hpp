// The state of one stream name, independent of connections. Internal to streams/.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "change/event.hpp"
#include "change/position.hpp"
#include "streams/acknowledged_ahead.hpp"
#include "streams/hub.hpp"

namespace pulse::streams {

struct stream_state;

struct name_state {
  cursor_key key;
  table_id table = 0;      // 0: its number could not be had; asked for when it is needed
  position cursor;         // where the consumer has got to, as far as it was looked at
  position saved;          // what of it is durable
  bool opening = false;    // the store has not answered yet
  bool dirty = false;      // among those to be saved next
  bool touched = false;    // to be saved although it has not moved: somebody uses it
  bool overtaken = false;  // retention has dropped what it waited for; said
  bool abandoned = false;
  bool is_of_earlier_run = false;  // this process does not know what was delivered under it
  std::string lease;               // what its holder wants to know after a restart
  bool leased_anew = false;        // `lease` is to be saved
  std::vector<std::function<void(result<void>)>> when_saved;   // by the next save
  std::vector<std::function<void(result<void>)>> being_saved;  // by the one under way
  int unread_checks = 0;  // times in a row that retention could not read what it waits for
  unix_time_us used_at{};
  acknowledged_ahead ahead;
  std::optional<name_holder> reserved;  // for one who is not there, or who is the active one
  stream_state* active = nullptr;
  std::uint64_t turn = 0;              // see hub::turn()
  unix_time_us held_since{};           // by the active one
  std::deque<stream_state*> standbys;  // in order of arrival
  std::vector<std::function<void(result<void>)>> waiting_for_store;

  // Returns the present cursor.
  position reached() const;

  // Makes the consumer that has waited longest the active one; of a reserved name, the one that has
  // the reservation. Null: there is an active one, or nobody waits.
  stream_state* promote();
};

}  // namespace pulse::streams

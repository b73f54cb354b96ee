// The names of one project's streams, their cursors, and how these become durable.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "change/event.hpp"
#include "change/position.hpp"
#include "streams/hub.hpp"
#include "streams/lag_figures.hpp"
#include "streams/name_state.hpp"

namespace pulse::streams {

// Owns the names. Saves moved cursors together, one save at a time, and tries failed saves again.
// On the thread of the hub's executor; does nothing after the hub's end.
class cursor_book : public std::enable_shared_from_this<cursor_book> {
 public:
  // Both outlive it; the limits may change.
  cursor_book(const hub::parts& with, const stream_limits& limits);

  using by_key = std::map<cursor_key, std::shared_ptr<name_state>>;
  const by_key& names() const { return names_; }
  // Returns null for an unknown name.
  std::shared_ptr<name_state> find(const cursor_key& key) const;
  // Returns the name's cursor; all zero for a name that is unknown or not opened yet.
  position cursor(const cursor_key& key) const;

  // Adds a name that is not known yet, or not any more.
  name_state& add(name_state name);
  // Removes the name; none of it is saved from here on. Returns null for an unknown name.
  std::shared_ptr<name_state> remove(const cursor_key& key);
  // Gives the name another key. If the new key exists, that name stays, and the renamed one is
  // removed and returned.
  std::shared_ptr<name_state> rename(const cursor_key& from, const cursor_key& to);
  // Finds the number of the table that has the name now.
  void find_table(name_state& name) const;
  // See hub::turn().
  std::uint64_t next_turn() { return ++turns_; }

  // Notes that the cursor may have moved: it is saved with the next ones
  // (stream_limits::cursor_flush_interval).
  void note(name_state& name);
  // See hub::save().
  void save_now(name_state& name, std::optional<std::string> lease,
                std::function<void(result<void>)> done);
  // Somebody has opened the name: its age starts from zero.
  void use(name_state& name);
  // Stores that nobody has opened the name for too long, or that somebody has again.
  void abandon(name_state& name);
  void take_back(name_state& name);

  // No cursor is stored under these names. Stores those again that are known, and so not deleted.
  // False: there are none.
  bool store_anew(const std::vector<cursor_key>& missing);

  // Saves noted cursors with the next turn of the executor.
  void save_soon() { save_after(std::chrono::milliseconds(0)); }
  // Saves all cursors every few seconds, also those that nobody notes: cursors of streams that keep
  // up and receive none of the passing events.
  void sweep(std::chrono::steady_clock::time_point now);
  // Saves all cursors for the last time. `done` when they are durable, or the save has failed.
  void close(std::function<void()> done);

  // Shows the lag metric of each name; see streams/cursor_lag.hpp.
  void show_lags(const position& newest, const timelines& history);

 private:
  // Names may be removed or renamed while they are saved.
  struct saving {
    std::weak_ptr<name_state> name;
    position at;
    bool has_lease = false;
  };

  void save_after(std::chrono::milliseconds wait);
  void save();
  void saved(const std::vector<saving>& batch, const result<std::vector<cursor_key>>& outcome);
  bool must_save(const name_state& name) const;
  void answer_waiting(name_state& name, const error& why) const;
  void note_all();

  const hub::parts* with_;
  const stream_limits* limits_;
  by_key names_;
  std::set<cursor_key> dirty_;
  boost::asio::steady_timer timer_;
  bool scheduled_ = false;
  bool saving_ = false;
  std::chrono::steady_clock::time_point last_sweep_{};
  std::function<void()> when_closed_;
  lag_figures lags_;
  std::uint64_t turns_ = 0;
};

}  // namespace pulse::streams

// The names of one project's streams, where each has got to, and how that becomes durable.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "change/event.hpp"
#include "change/position.hpp"
#include "streams/hub.hpp"
#include "streams/lag_figures.hpp"
#include "streams/name_state.hpp"

namespace pulse::streams {

// Owns the names. Cursors that have moved are gathered and saved together, one save at a time; what
// could not be saved is tried again. On the thread of the hub's executor, and of no concern to
// anybody once the hub is gone.
class cursor_book : public std::enable_shared_from_this<cursor_book> {
 public:
  // Both outlive it; the limits may change.
  cursor_book(const hub::parts& with, const stream_limits& limits);

  using by_key = std::map<cursor_key, std::shared_ptr<name_state>>;
  const by_key& names() const { return names_; }
  // Null: not known.
  std::shared_ptr<name_state> find(const cursor_key& key) const;
  // Where the name has got to; all zero for one that is not known, or not yet.
  position cursor(const cursor_key& key) const;

  // A name that is not known yet, or again.
  name_state& add(name_state name);
  // Nothing of it is saved from here on. Null: not known.
  std::shared_ptr<name_state> remove(const cursor_key& key);
  // The known name goes on under another key. Where there is one already that one stays, and the
  // other is taken out and returned.
  std::shared_ptr<name_state> rename(const cursor_key& from, const cursor_key& to);
  // Asks for the number of the table that has the name now.
  void find_table(name_state& name) const;

  // It may have moved: saved with the next ones (stream_limits::cursor_flush_interval).
  void note(name_state& name);
  // Somebody has the name open: its age begins anew.
  void use(name_state& name);
  // Nobody has had it open for too long, or somebody has again.
  void abandon(name_state& name);
  void take_back(name_state& name);

  // Nothing is stored under these names. Those that are known have not been deleted, and are stored
  // again. False: there are none.
  bool store_anew(const std::vector<cursor_key>& missing);

  // What is noted is saved with the next turn of the executor.
  void save_soon() { save_after(std::chrono::milliseconds(0)); }
  // Saves all, also those that nobody notes, every few seconds: cursors of streams that keep up and
  // want nothing of what passes.
  void sweep(std::chrono::steady_clock::time_point now);
  // The last save, of all. `done` when it is durable, or could not be saved.
  void close(std::function<void()> done);

  // The figures of how far behind each name is; see streams/cursor_lag.hpp.
  void show_lags(const position& newest, const timelines& history);

 private:
  using moved_cursors = std::vector<std::pair<cursor_key, position>>;

  void save_after(std::chrono::milliseconds wait);
  void save();
  void saved(const moved_cursors& batch, const result<std::vector<cursor_key>>& outcome);
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
};

}  // namespace pulse::streams

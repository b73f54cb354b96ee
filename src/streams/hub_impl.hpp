// The hub's inside: names and opening (hub.cpp), the way of events (hub_delivery.cpp), cursors
// (hub_cursors.cpp), tables that are renamed (hub_renames.cpp), streams that do not move
// (hub_stalls.cpp), gaps (hub_gaps.cpp), what retention and age take away (hub_expiry.cpp).
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "streams/delivery_figures.hpp"
#include "streams/hub.hpp"
#include "streams/known_gaps.hpp"
#include "streams/lag_figures.hpp"
#include "streams/open_streams.hpp"
#include "streams/shared_tail.hpp"

namespace pulse::streams {

class hub::impl : public std::enable_shared_from_this<hub::impl> {
 public:
  impl(parts with, stream_limits limits);

  void open(stream_request wanted, const table_shape& shape, position start,
            std::shared_ptr<subscriber> to, opened done);
  void know(const known_cursor& cursor);
  void use_limits(const stream_limits& limits) { limits_ = limits; }
  void acknowledge(stream_id id, const event_id& event);
  void writable(stream_id id);
  void quiesce(stream_id id);
  void close(stream_id id);
  void progress();
  void tick(std::chrono::steady_clock::time_point now);
  void make_way(const position& through, std::function<void(bool)> done);
  void forget(const cursor_key& key, std::string_view why);
  void follow(const std::vector<table_rename>& renamed);
  void shut_down(end_reason reason, std::string_view message, std::function<void()> done);
  std::vector<stream_status> status() const;
  position cursor(const cursor_key& key) const;
  void use_gaps(std::vector<control::stored_gap> gaps);
  std::optional<control::stored_gap> gap_of(const cursor_key& key) const;
  cursor_condition condition(const cursor_key& key, const position& at) const;

 private:
  // hub.cpp: opening, names, cursors.
  void attach(stream_id id, const opened& done);
  void activate(stream_state& stream, const position& from);
  void name_ready(name_state& name, result<position> stored);
  void leave_name(stream_state& stream);
  void disband(name_state& name, std::string_view why);
  void find_table(name_state& name);
  void remove(stream_id id);
  void end(stream_id id, end_reason reason, std::string_view message);
  void note_cursor(name_state& name);
  void use(name_state& name);
  void schedule_save(std::chrono::milliseconds wait);
  void save_cursors();
  void sweep_cursors(std::chrono::steady_clock::time_point now);
  void save_done(const std::vector<std::pair<cursor_key, position>>& batch,
                 const result<void>& outcome);

  // hub_expiry.cpp
  result<void> check_kept(name_state& name);
  void go_on_from_earliest(name_state& name, const error& why);
  void make_way_for_some();
  enum class waiting_for { nothing, something, unknown };
  waiting_for check_waiting(name_state& name, const position& through);
  void abandon_unused(std::chrono::steady_clock::time_point now);

  // hub_renames.cpp
  void move_name(const cursor_key& from, const cursor_key& to);
  void move_on_its_way(const cursor_key& from, const cursor_key* to);
  void stay(const name_state& copy);
  void end_replaced(const std::vector<table_rename>& renamed);

  // hub_stalls.cpp
  bool holds_others_up(const stream_state& stream, std::chrono::steady_clock::duration still) const;
  void end_stalled(stream_id id, std::chrono::steady_clock::duration still);

  // hub_gaps.cpp
  void bar(stream_state& stream, const control::stored_gap& gap);
  void hold(stream_state& stream, const error& why);
  void note_unread(std::string_view what_follows, const error& why,
                   const stream_state* stream = nullptr);
  void end_unread(const stream_state& stream, const error& why);
  void go_on_behind_damage(const log::damaged_stretch& lost, const result<void>& recorded);
  void end_when_done(const stream_state& barred);
  // hub_delivery.cpp: the tail, slices, one event to one stream.
  enum class offered { done, no_room };
  offered offer(stream_state& stream, const event_view& event);
  bool wanted(stream_state& stream, const event_view& event);
  void deliver(stream_state& stream, std::string_view frame);
  void advance_tail();
  void hand_out(const event_view& event);
  void go_live(stream_state& stream);
  void schedule(stream_state& stream);
  void run_slices();
  void run_slice(stream_state& stream);
  void post_turn();
  void turn();

  // Streams whose filter wants nothing of what passes save their way only this often.
  static constexpr std::chrono::seconds sweep_interval{5};
  // How much one stream, or the tail, may do before others have their turn.
  static constexpr int slice_events = 512;

  parts with_;
  stream_limits limits_;
  open_streams streams_;
  std::map<cursor_key, std::shared_ptr<name_state>> names_;
  known_gaps gaps_;
  bool recording_damage_ = false;

  shared_tail tail_;
  std::deque<stream_id> ready_;
  bool turn_posted_ = false;

  boost::asio::steady_timer save_timer_;
  bool save_scheduled_ = false;
  bool saving_ = false;
  std::set<cursor_key> dirty_;
  std::chrono::steady_clock::time_point last_sweep_{};
  std::function<void()> when_saved_;

  // While retention waits for cursors to make way.
  struct way {
    position through;
    std::vector<cursor_key> names;  // still to be looked at
    std::vector<std::pair<cursor_key, position>> moved;
    std::optional<error> unread;  // why it is not known of a name what it waits for
    std::function<void(bool)> done;
  };
  std::optional<way> way_;
  std::chrono::steady_clock::time_point last_age_check_{};
  bool shutting_down_ = false;

  delivery_figures figures_;
  prometheus::Counter& unknown_acknowledgements_total_;
  prometheus::Gauge& stalled_streams_;
  prometheus::Counter& stalled_ended_total_;
  prometheus::Counter& read_failures_total_;
  prometheus::Counter& expired_total_;
  prometheus::Counter& abandoned_total_;
  lag_figures lags_;
};

}  // namespace pulse::streams

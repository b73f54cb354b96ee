// The parts of a hub and how they work together. Streams open under names, wait for each other, and
// end (hub_impl.cpp), also when their names change from outside (hub_names.cpp).
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/metrics.hpp"
#include "streams/cursor_book.hpp"
#include "streams/dispatcher.hpp"
#include "streams/expiry_watch.hpp"
#include "streams/hub.hpp"
#include "streams/known_gaps.hpp"
#include "streams/name_expiry.hpp"
#include "streams/open_streams.hpp"
#include "streams/page_readers.hpp"
#include "streams/read_failures.hpp"

namespace pulse::streams {

// hub.hpp has the contracts of what is public here.
class hub::impl : public std::enable_shared_from_this<hub::impl> {
 public:
  impl(parts with, stream_limits limits);

  void know(const known_cursor& cursor);
  void open(stream_opening what, opened done);
  void acknowledge(filters::stream_id id, const event_id& event);
  std::optional<std::size_t> acknowledge_through(filters::stream_id id, const event_id& event);
  void save(const cursor_key& key, std::optional<std::string> lease,
            std::function<void(result<void>)> done);
  void when_passed(filters::stream_id id, const position& place, std::function<void()> done);
  std::optional<stream_place> place(filters::stream_id id) const;
  bool reserve(const cursor_key& key, const name_holder& whose);
  void release(const cursor_key& key);
  std::optional<name_holder> holder(const cursor_key& key) const;
  std::optional<cursor_key> keep(filters::stream_id id);
  std::uint64_t turn(const cursor_key& key) const;
  void acknowledge(const cursor_key& key, const event_id& event);
  std::vector<event_id> acknowledged_ahead(const cursor_key& key) const;
  std::uint64_t lag_bytes(const cursor_key& key) const;
  void writable(filters::stream_id id);
  void quiesce(filters::stream_id id);
  void close(filters::stream_id id);
  void progress() {
    dispatcher_->progress();
    pages_->progress();
  }
  page_readers& pages() { return *pages_; }
  void use_limits(const stream_limits& limits) { limits_ = limits; }
  void use_history(const timelines& history) { history_ = history; }
  void tick(std::chrono::steady_clock::time_point now);
  void make_way(const position& through, std::function<void(bool)> done);
  void look_for_expiry(const position& soon) { expiry_watch_->look(soon); }
  void forget(const cursor_key& key, std::string_view why);
  moved move(const cursor_key& key, std::string_view why);
  void use_gaps(std::vector<control::stored_gap> gaps);
  std::optional<control::stored_gap> gap_of(const cursor_key& key) const;
  void follow(const std::vector<table_rename>& renamed);
  void shut_down(end_reason reason, std::string_view message, std::function<void()> done);
  std::vector<stream_status> status() const;
  bool knows(const cursor_key& key) const { return book_->find(key) != nullptr; }
  position cursor(const cursor_key& key) const { return book_->cursor(key); }
  cursor_condition condition(const cursor_key& key, const position& at) const {
    return expiry_->condition(key, at);
  }

 private:
  void start_unnamed(filters::stream_id id, const position& from, opened done);
  void join_name(stream_state& stream, const cursor_key& key, const position& start, opened done);
  void name_ready(name_state& name, const result<position>& stored);
  void attach(filters::stream_id id, const opened& done);
  result<void> check_can_go_on(name_state& name, table_id table);
  void acknowledge(name_state& name, const event_id& event);
  void leave_name(stream_state& stream);
  bool serve_next(name_state& name);
  void disband(name_state& name, std::string_view why);
  void refuse_waiting(const error& why);
  void move_done(name_state& name, const result<position>& to);

  void end(filters::stream_id id, end_reason reason, std::string_view message);
  void end_replaced(const std::vector<table_rename>& renamed);
  void end_stalled(filters::stream_id id, std::chrono::steady_clock::duration still);
  bool holds_others_up(const stream_state& stream, std::chrono::steady_clock::duration still) const;

  const parts with_;
  stream_limits limits_;
  timelines history_;
  bool shutting_down_ = false;
  const event_id last_id_before_;  // the newest event when the hub was made

  // Each part knows only those before it. Parts that post calls to themselves are shared, to find
  // out whether the hub still exists.
  known_gaps gaps_;
  open_streams streams_;
  read_failures failures_;
  const std::shared_ptr<cursor_book> book_;
  const std::shared_ptr<name_expiry> expiry_;
  const std::shared_ptr<expiry_watch> expiry_watch_;
  const std::shared_ptr<dispatcher> dispatcher_;
  const std::shared_ptr<page_readers> pages_;

  prometheus::Counter& unknown_acknowledgements_total_;
  prometheus::Gauge& stalled_streams_;
  prometheus::Counter& stalled_ended_total_;
  prometheus::Counter& unnamed_started_total_;
};

}  // namespace pulse::streams

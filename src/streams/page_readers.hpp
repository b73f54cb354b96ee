// Everybody who reads a project's events page by page, or waits for the next one.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "base/metrics.hpp"
#include "rendering/frames.hpp"
#include "streams/hub.hpp"
#include "streams/known_gaps.hpp"
#include "streams/page_reader.hpp"
#include "streams/page_request.hpp"
#include "streams/table_watch.hpp"

namespace pulse::streams {

// Reads pages a few at a time, a portion a turn each; the others stand in line. A reader that waits
// for events holds its request and its place, no thread and nothing of the log. On the thread of
// the hub's executor.
class page_readers : public std::enable_shared_from_this<page_readers> {
 public:
  // Pages that are being put together, each of up to page_request::bytes_max.
  static constexpr std::size_t read_at_once_max = 8;
  // In line, being read or waiting.
  static constexpr std::size_t readers_max = 10'000;
  // A page that has few events after so long comes as it is: its reader continues behind what was
  // looked at.
  static constexpr std::chrono::seconds reading_max{5};
  // page_request::held_bytes of all of these.
  static constexpr std::size_t held_bytes_max = std::size_t{128} << 20U;

  // `with` and `gaps` outlive it.
  page_readers(const hub::parts& with, const known_gaps& gaps);

  // Reads one page. Waits up to page_request::wait while there is no event. Calls `done` once, in a
  // later turn; not at all after cancel(). errc::unavailable: a limit is reached, or the hub shuts
  // down.
  using answered = std::function<void(page_result)>;
  page_number read(page_request request, answered done);
  // Nobody wants the answer any more.
  void cancel(page_number number);
  // Waits no longer: the page comes as it is.
  void end_wait(page_number number);

  // The log, or its deliverable part, has grown.
  void progress();
  // The project's gaps have changed.
  void look_at_gaps();
  // Refuses everybody who is there, and who comes.
  void shut_down();

  // Returns where a reader of these tables begins who wants events from now on: hub::open() has the
  // rules and errors. `now`: the end of history, as far as it is known.
  result<position> start_now(const std::vector<table_shape>& tables, const position& now) const;
  // What the log holds: everything committed before is stored, or produced no event.
  position captured_through() const;
  // See oldest_deliverable().
  std::optional<event_id> oldest() const { return oldest_deliverable(*with_); }

 private:
  enum class at { line, reading, waiting, held_back, damage };
  struct open_page {
    std::unique_ptr<page_reader> reader;
    answered done;
    at where = at::line;
    std::chrono::steady_clock::time_point wait_until;
    std::chrono::steady_clock::time_point reading_since = {};
    std::unique_ptr<boost::asio::steady_timer> timer = nullptr;  // while it waits
  };
  using pages = std::unordered_map<page_number, open_page>;

  open_page* find(page_number number);
  void post_turn();
  void turn();
  void read_portion(page_number number, open_page& page);
  void wait(page_number number, open_page& page, at where);
  void hold_for_damage(page_number number, open_page& page);
  void damage_recorded(const log::damaged_stretch& lost, const result<void>& recorded);
  void wake(const std::vector<page_number>& numbers);
  void stop_waiting(page_number number, open_page& page);
  void finish(page_number number, page_result result);
  void refuse_later(const answered& done, error why) const;
  std::vector<page_number> all_at(at where) const;

  const hub::parts* with_;
  const known_gaps* gaps_;
  rendering::frame_source frames_;
  table_watch watch_;
  pages pages_;
  std::deque<page_number> line_;
  std::deque<page_number> reading_;
  std::unordered_set<page_number> held_back_;  // look again when the log has grown
  std::size_t held_bytes_ = 0;
  page_number last_number_ = 0;
  bool turn_posted_ = false;
  bool recording_damage_ = false;
  bool shutting_down_ = false;
  prometheus::Gauge& waiting_gauge_;
  prometheus::Counter& pages_total_;
  prometheus::Counter& events_total_;
};

}  // namespace pulse::streams

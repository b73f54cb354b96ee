#include "streams/page_readers.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>

#include "base/shown_numbers.hpp"

namespace pulse::streams {
namespace {

// Before the thread looks at its sockets again.
constexpr std::size_t portions_a_turn = 4;

}  // namespace

page_readers::page_readers(const hub::parts& with, const known_gaps& gaps)
    : with_(&with),
      gaps_(&gaps),
      frames_(requests::event_form::native, {}, *with.relations,
              with.frames ? with.frames : std::make_shared<rendering::frame_memory>()),
      watch_(*with.log, with.deliverable),
      waiting_gauge_(with.figures->gauge(metric::page_readers_waiting, with.project)),
      pages_total_(with.figures->counter(metric::pages_read, with.project)),
      events_total_(with.figures->counter(metric::page_events, with.project)) {}

page_number page_readers::read(page_request request, answered done) {
  const auto number = ++last_number_;
  if (shutting_down_) {
    refuse_later(done, {errc::unavailable, "Pulse is shutting down", "ask again"});
    return number;
  }
  if (pages_.size() >= readers_max || held_bytes_ + request.held_bytes > held_bytes_max) {
    refuse_later(done, {errc::unavailable,
                        "the project has reached its limit of requests that read or wait (" +
                            shown_count(readers_max) + ", or " + shown_bytes(held_bytes_max) + ")",
                        "ask again later, or with a shorter wait"});
    return number;
  }
  const auto wait = request.wait;
  auto reader = page_reader::make(*with_, *gaps_, std::move(request));
  if (!reader) {
    refuse_later(done, reader.error());
    return number;
  }
  held_bytes_ += (*reader)->request().held_bytes;
  pages_.emplace(number, open_page{std::move(*reader), std::move(done), at::line,
                                   std::chrono::steady_clock::now() + wait});
  line_.push_back(number);
  post_turn();
  return number;
}

void page_readers::refuse_later(const answered& done, error why) const {
  boost::asio::post(with_->executor, [done, why = std::move(why)] { done(page_refusal{why}); });
}

page_readers::open_page* page_readers::find(page_number number) {
  const auto found = pages_.find(number);
  return found == pages_.end() ? nullptr : &found->second;
}

void page_readers::cancel(page_number number) {
  auto* page = find(number);
  if (page == nullptr) return;
  stop_waiting(number, *page);
  held_bytes_ -= page->reader->request().held_bytes;
  pages_.erase(number);
}

void page_readers::end_wait(page_number number) {
  auto* page = find(number);
  if (page == nullptr) return;
  page->wait_until = {};
  if (page->where != at::waiting && page->where != at::held_back) return;
  // What the watch has seen pass concerns nobody who still waits.
  if (page->where == at::waiting) page->reader->pass(watch_.looked_through());
  stop_waiting(number, *page);
  finish(number, page->reader->take());
}

void page_readers::progress() {
  wake({held_back_.begin(), held_back_.end()});
  if (!watch_.empty()) post_turn();
}

void page_readers::look_at_gaps() {
  auto concerned = all_at(at::waiting);
  concerned.insert(concerned.end(), held_back_.begin(), held_back_.end());
  wake(concerned);
}

void page_readers::shut_down() {
  shutting_down_ = true;
  std::vector<page_number> all;
  all.reserve(pages_.size());
  for (const auto& [number, page] : pages_) all.push_back(number);
  for (const auto number : all) {
    stop_waiting(number, pages_.at(number));
    finish(number, page_refusal{{errc::unavailable, "the project is closing", "ask again"}});
  }
}

result<position> page_readers::start_now(const std::vector<table_shape>& tables,
                                         const position& now) const {
  auto from = now;
  const auto mark = with_->log->bounds().mark();
  for (const auto& shape : tables) {
    const auto table = with_->relations->table(shape.definition->oid, shape.definition->table);
    if (!table) return table.error();
    const auto behind = gaps_->start_behind(now, mark, *table);
    if (!behind) return behind.error();
    from = std::max(from, *behind);
  }
  return from;
}

position page_readers::captured_through() const {
  const auto bounds = with_->log->bounds();
  return std::max(bounds.last_at, bounds.mark());
}

void page_readers::post_turn() {
  if (std::exchange(turn_posted_, true)) return;
  boost::asio::post(with_->executor, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->turn();
  });
}

void page_readers::turn() {
  turn_posted_ = false;
  wake(watch_.look());
  for (std::size_t portions = 0; portions < portions_a_turn; ++portions) {
    while (reading_.size() < read_at_once_max && !line_.empty()) {
      reading_.push_back(line_.front());
      line_.pop_front();
    }
    if (reading_.empty()) break;
    const auto number = reading_.front();
    reading_.pop_front();
    if (auto* page = find(number)) read_portion(number, *page);
  }
  if (!reading_.empty() || !line_.empty() || watch_.has_more()) post_turn();
}

void page_readers::read_portion(page_number number, open_page& page) {
  const auto now = std::chrono::steady_clock::now();
  if (std::exchange(page.where, at::reading) != at::reading) page.reading_since = now;
  switch (page.reader->read_portion(frames_)) {
    case page_reader::progress::unfinished:
      if (now - page.reading_since >= reading_max) return finish(number, page.reader->take());
      return reading_.push_back(number);
    case page_reader::progress::complete:
      return finish(number, page.reader->take());
    case page_reader::progress::at_end:
      return wait(number, page, at::waiting);
    case page_reader::progress::held_back:
      return wait(number, page, at::held_back);
    case page_reader::progress::refused:
      return finish(number, page.reader->refusal());
    case page_reader::progress::damaged:
      return hold_for_damage(number, page);
  }
}

void page_readers::wait(page_number number, open_page& page, at where) {
  if (page.wait_until <= std::chrono::steady_clock::now())
    return finish(number, page.reader->take());
  const auto& place = page.reader->place();
  // The watch has come further: perhaps past an event of this reader.
  if (where == at::waiting && !watch_.covers(place)) return reading_.push_back(number);
  page.reader->rest();
  page.where = where;
  if (where == at::waiting) {
    watch_.add(number, page.reader->tables(), place);
  } else {
    held_back_.insert(number);
  }
  page.timer = std::make_unique<boost::asio::steady_timer>(with_->executor, page.wait_until);
  page.timer->async_wait(
      [weak = weak_from_this(), number](const boost::system::error_code& cancelled) {
        const auto self = weak.lock();
        if (!cancelled && self) self->end_wait(number);
      });
  waiting_gauge_.Increment();
  // The log may have grown since the reader looked.
  post_turn();
}

void page_readers::stop_waiting(page_number number, open_page& page) {
  if (page.where == at::waiting) watch_.remove(number, page.reader->tables());
  held_back_.erase(number);
  if (page.timer) waiting_gauge_.Decrement();
  page.timer.reset();
  page.where = at::line;
}

void page_readers::wake(const std::vector<page_number>& numbers) {
  for (const auto number : numbers) {
    auto* page = find(number);
    if (page == nullptr) continue;
    stop_waiting(number, *page);
    line_.push_back(number);
  }
  if (!numbers.empty()) post_turn();
}

// What is damaged becomes a gap first, which says who continues.
void page_readers::hold_for_damage(page_number number, open_page& page) {
  const auto lost = page.reader->damage();
  page.reader->rest();
  if (!with_->on_damage) {
    return finish(number, page_refusal{{errc::corrupt, "stored events are damaged: " + lost.place,
                                        "see the server log"}});
  }
  page.where = at::damage;
  // One after the other: who meets another stretch comes back here.
  if (std::exchange(recording_damage_, true)) return;
  with_->on_damage(lost, [weak = weak_from_this(), lost](const result<void>& recorded) {
    if (const auto self = weak.lock()) self->damage_recorded(lost, recorded);
  });
}

void page_readers::damage_recorded(const log::damaged_stretch& lost, const result<void>& recorded) {
  recording_damage_ = false;
  const auto held = all_at(at::damage);
  if (recorded) {
    with_->log->pass_damage(lost.after, lost.through);
    return wake(held);
  }
  for (const auto number : held) finish(number, page_refusal{recorded.error()});
}

std::vector<page_number> page_readers::all_at(at where) const {
  std::vector<page_number> all;
  for (const auto& [number, page] : pages_) {
    if (page.where == where) all.push_back(number);
  }
  return all;
}

// In a turn of its own: whoever is answered may end the project.
void page_readers::finish(page_number number, page_result result) {
  auto page = std::move(pages_.extract(number).mapped());
  held_bytes_ -= page.reader->request().held_bytes;
  if (result) {
    pages_total_.Increment();
    events_total_.Increment(static_cast<double>(result->events.size()));
  }
  boost::asio::post(with_->executor,
                    [done = std::move(page.done), result = std::move(result)]() mutable {
                      done(std::move(result));
                    });
}

}  // namespace pulse::streams

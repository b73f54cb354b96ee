#include "streams/page_reader.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "filters/native_filter.hpp"
#include "log/readable_end.hpp"

namespace pulse::streams {
namespace {

// Of filters, in one portion: some milliseconds.
constexpr filters::work_units portion_work = 2'000'000;

}  // namespace

std::optional<event_id> oldest_deliverable(const hub::parts& with) {
  const auto reader = log::read_deliverable(
      *with.log, with.deliverable, with.log->bounds().dropped_through, log::wanted_tables::all());
  reader->allow(page_reader::portion_bytes);
  const auto first = reader->next();
  if (!first || *first == nullptr) return std::nullopt;
  return (*first)->id;
}

result<std::unique_ptr<page_reader>> page_reader::make(const hub::parts& with,
                                                       const known_gaps& gaps,
                                                       page_request request) {
  std::unique_ptr<page_reader> made(new page_reader(with, gaps, std::move(request)));
  for (const auto& one : made->request_.tables) {
    const auto& shape = one.shape;
    const filters::filter_table known{shape.definition.get(), shape.facts.get()};
    if (const auto compiled = filters::compile_wanted(one.wanted, known); !compiled)
      return compiled.error();
    const auto table = with.relations->table(shape.definition->oid, shape.definition->table);
    if (!table) return table.error();
    made->tables_.push_back(*table);
    made->filters_[*table].of = &one;
  }
  return made;
}

page_reader::progress page_reader::read_portion(rendering::frame_source& frames) {
  if (!reader_) {
    reader_ =
        log::read_deliverable(*with_->log, with_->deliverable, place_, log::wanted_tables(tables_));
  }
  page_.caught_up = false;
  reader_->allow(portion_bytes);
  work_left_ = portion_work;
  for (int i = 0; i < portion_events && work_left_ > 0; ++i) {
    const auto* event = std::exchange(unjudged_, nullptr);
    if (event == nullptr) {
      if (request_.until) covered_ = with_->log->bounds().mark();
      const auto read = reader_->next();
      if (!read) return unreadable(read.error());
      if (*read == nullptr) {
        if (!reader_->paused()) return at_end();
        const auto scanned = within_end(reader_->scanned_through());
        if (const auto* gap = gap_before(scanned)) return at_gap(*gap);
        pass(scanned);
        return request_.until && scanned >= *request_.until ? reached_end() : progress::unfinished;
      }
      event = *read;
      if (const auto* gap = gap_before(within_end(event->at))) return at_gap(*gap);
      if (request_.until && event->at > *request_.until) return reached_end();
      if (gaps_->never_happened(event->at)) {
        pass(event->at);
        continue;
      }
      if (!values_) values_.emplace();
      values_->look_at(*event);
      outcomes_.clear();
    }
    const auto wanted = is_wanted(*event);
    if (!wanted) {
      unjudged_ = event;
      return progress::unfinished;
    }
    if (*wanted) {
      const auto appended = append(*event, frames);
      if (!appended) return refuse({appended.error()});
      if (!*appended) return progress::complete;
    }
    pass(event->at);
    if (page_.events.size() >= request_.events_max) return progress::complete;
  }
  return progress::unfinished;
}

void page_reader::pass(const position& through) {
  place_ = std::max(place_, through);
}

position page_reader::within_end(const position& at) const {
  return request_.until ? std::min(at, *request_.until) : at;
}

void page_reader::rest() {
  unjudged_ = nullptr;
  reader_.reset();
  outcomes_ = {};
  values_.reset();
}

const control::stored_gap* page_reader::gap_before(const position& next) const {
  const auto* gap = gaps_->bar_behind(place_, tables_, request_.accepted_gaps);
  return gap != nullptr && next > gap->what.after ? gap : nullptr;
}

const filters::filter& page_reader::filter_for(const event_view& event) {
  auto& table = filters_.at(event.table);
  auto& place = table.compiled[event.relation];
  if (place) return *place;
  const auto definition = with_->relations->find(event.relation);
  // Without a definition nothing is decided; rendering will say what is missing.
  const relation unknown{};
  place = filters::follow_wanted(
      table.of->wanted, {definition ? definition.get() : &unknown, table.of->shape.facts.get()});
  return *place;
}

std::optional<bool> page_reader::is_wanted(const event_view& event) {
  const auto& asked = filter_for(event);
  if (outcomes_.empty()) outcomes_.assign(asked.conditions(), std::nullopt);
  filters::judging how{&*values_, work_left_, &outcomes_};
  const auto verdict = asked.judge(event, how);
  const auto spent = work_left_ - how.left + values_->take_work();
  work_left_ -= std::min(work_left_, spent);
  if (!verdict) return std::nullopt;
  return *verdict != filters::filter_verdict::no;
}

result<bool> page_reader::append(const event_view& event, rendering::frame_source& frames) {
  const auto frame = frames.frame(event);
  if (!frame) return frame.error();
  if (!page_.events.empty() && page_.events_json.size() + frame->size() > request_.bytes_max)
    return false;
  if (last_relation_.first != event.relation)
    last_relation_ = {event.relation, with_->relations->find(event.relation)};
  page_.events_json += *frame;
  page_.events.push_back({event.id, event.committed_at, event.action, last_relation_.second,
                          page_.events_json.size()});
  return true;
}

page_reader::progress page_reader::at_gap(const control::stored_gap& gap) {
  if (!page_.events.empty()) return progress::complete;
  const bool can_be_passed = gap.what.through || gap.what.goes_on();
  page_refusal why{
      {errc::gap,
       fmt::format("gap {} blocks this reader: events {} cannot be delivered ({})", gap.id,
                   bounds_of(gap.what), gap.what.reason),
       can_be_passed
           ? fmt::format("reload your data from the tables, then ask again with acceptGap={}",
                         gap.id)
           : "ask again when the gap has an end; see `pulse gaps list`"}};
  why.gap = gap;
  return refuse(std::move(why));
}

page_reader::progress page_reader::at_end() {
  const auto* gap = request_.until ? gap_before(*request_.until)
                                   : gaps_->bar_behind(place_, tables_, request_.accepted_gaps);
  if (gap != nullptr && !reader_->held_back()) return at_gap(*gap);
  if (gap == nullptr) pass(within_end(reader_->scanned_through()));
  if (request_.until) {
    const bool is_covered = gap == nullptr && !reader_->held_back() && covered_ >= *request_.until;
    if (is_covered || place_ >= *request_.until) return reached_end();
    return page_.events.empty() ? progress::held_back : progress::complete;
  }
  page_.caught_up = true;
  if (!page_.events.empty()) return progress::complete;
  return gap == nullptr ? progress::at_end : progress::held_back;
}

page_reader::progress page_reader::reached_end() {
  pass(*request_.until);
  page_.caught_up = true;
  return progress::complete;
}

page_reader::progress page_reader::unreadable(const error& why) {
  if (!page_.events.empty()) return progress::complete;
  damage_ = reader_->damage();
  if (damage_) return progress::damaged;
  page_refusal refusal{why};
  refusal.is_expired = why.code == errc::gap;
  if (refusal.is_expired) refusal.oldest = oldest_deliverable(*with_);
  return refuse(std::move(refusal));
}

page_reader::progress page_reader::refuse(page_refusal why) {
  if (!page_.events.empty()) return progress::complete;
  refusal_ = std::move(why);
  return progress::refused;
}

event_page page_reader::take() {
  rest();
  page_.next = place_;
  page_.accepted_gaps.clear();
  for (const auto id : request_.accepted_gaps) {
    const auto gap = std::ranges::find(gaps_->all(), id, &control::stored_gap::id);
    const bool is_ahead = gap != gaps_->all().end() && !gap->accepted_at &&
                          (!gap->what.through || place_ < *gap->what.through);
    if (is_ahead) page_.accepted_gaps.push_back(id);
  }
  return std::move(page_);
}

}  // namespace pulse::streams

#include "server/events/page_reading.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "requests/table_resolver.hpp"
#include "streams/page_readers.hpp"

namespace pulse::server {
namespace {

// When a project that has its hands full is asked again.
constexpr std::chrono::seconds busy_retry{1};

refusal too_many_answer_bytes() {
  return {503, pulse_code::server_error, "Pulse holds as many bytes of answers as it may",
          "ask again later", busy_retry};
}

}  // namespace

page_reading::page_reading(std::shared_ptr<http_exchange> asked, read_request wanted,
                           page_form form, std::size_t held_bytes)
    : asked_(std::move(asked)), wanted_(std::move(wanted)), form_(form), held_bytes_(held_bytes) {}

void page_reading::begin() {
  auto& context = asked_->context();
  const auto of = context.registry->project(asked_->who().key.project);
  if (is_over(of)) return;
  if (!of->event_persistence()) {
    return asked_->refuse({403, pulse_code::streams_disabled,
                           "reading events needs event persistence, which is off in this project",
                           "switch event persistence on, or use subscribe()"});
  }
  if (context.answer_bytes > context.options.answer_bytes_max)
    return asked_->refuse(too_many_answer_bytes());
  project_ = of;
  resolve_tables(of);
}

void page_reading::resolve_tables(const std::shared_ptr<project_service>& of) {
  tables_.resize(wanted_.tables.size());
  unresolved_ = tables_.size();
  const bool needs_now = std::holds_alternative<from_now>(wanted_.after);
  for (std::size_t i = 0; i < tables_.size() && !refused_; ++i) {
    const auto& wanted = wanted_.tables[i];
    auto known = needs_now ? std::nullopt : of->resolve_at_hand(wanted);
    if (known) {
      resolved(i, std::move(*known));
    } else {
      of->resolve(wanted, [self = shared_from_this(), i](result<resolved_table> table) {
        self->resolved(i, std::move(table));
      });
    }
  }
}

// The first that fails is the answer.
void page_reading::resolved(std::size_t number, result<resolved_table> table) {
  if (refused_) return;
  if (table) {
    auto sent =
        requests::check_published_actions(table->publication, wanted_.tables[number].wanted);
    if (!sent) table = sent.error();
  }
  if (!table) {
    refused_ = true;
    return asked_->refuse(refuse_for_datasource(table.error()));
  }
  tables_[number] = std::move(*table);
  if (--unresolved_ == 0) all_resolved();
}

void page_reading::all_resolved() {
  if (is_over(still_there())) return;
  for (std::size_t i = 0; i < tables_.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const auto& one = *tables_[i]->shape.definition;
      if (one.table != tables_[j]->shape.definition->table) continue;
      return asked_->refuse(400,
                            fmt::format("tables[{}] and tables[{}] are the same table, {}", j, i,
                                        to_string(one.table)),
                            "name each table once; `where` may have several conditions");
    }
  }
  if (wanted_.until_end) return find_end();
  find_start();
}

void page_reading::find_end() {
  still_there()->find_end(
      [self = shared_from_this()](const result<project_service::end_mark>& end) {
        if (self->is_over(self->still_there())) return;
        if (!end) {
          auto why = refuse_for_datasource(end.error());
          why.retry_after = busy_retry;
          return self->asked_->refuse(why);
        }
        self->until_ = end->at;
        self->find_start();
      });
}

void page_reading::find_start() {
  if (auto* place = std::get_if<page_place>(&wanted_.after)) return read(std::move(*place));
  const auto of = still_there();
  if (const auto* target = std::get_if<streams::seek_target>(&wanted_.after)) {
    return of->find_start(*target, [self = shared_from_this()](const result<position>& at) {
      self->start_found(at);
    });
  }
  position now;
  std::vector<table_shape> shapes;
  shapes.reserve(tables_.size());
  for (const auto& table : tables_) {
    now = std::max(now, table->now);
    shapes.push_back(table->shape);
  }
  start_found(of->streams()->pages().start_now(shapes, now));
}

void page_reading::start_found(const result<position>& at) {
  if (is_over(still_there())) return;
  if (at) return read({*at});
  if (at.error().code == errc::gap) return refuse_expired(at.error());
  asked_->refuse(refuse_for_now(at.error()));
}

void page_reading::read(page_place from) {
  const auto of = still_there();
  streams::page_request request;
  for (std::size_t i = 0; i < tables_.size(); ++i)
    request.tables.push_back({std::move(wanted_.tables[i]), std::move(tables_[i]->shape)});
  tables_.clear();
  request.after = from.at;
  request.accepted_gaps = std::move(from.accepted_gaps);
  if (wanted_.accept_gap &&
      std::ranges::find(request.accepted_gaps, *wanted_.accept_gap) == request.accepted_gaps.end())
    request.accepted_gaps.push_back(*wanted_.accept_gap);
  request.events_max = wanted_.events_max;
  request.bytes_max = wanted_.bytes_max;
  request.wait = wanted_.wait;
  request.until = until_;
  request.held_bytes = held_bytes_;
  auto& pages = of->streams()->pages();
  const auto number = pages.read(
      std::move(request),
      [self = shared_from_this()](streams::page_result page) { self->answer(std::move(page)); });
  // The project, and with it the reader, may be gone by then.
  asked_->wait(asked_->context().now() + wanted_.wait, [project = project_, number](wait_end why) {
    const auto service = project.lock();
    const auto hub = service ? service->streams() : nullptr;
    if (!hub) return;
    if (why == wait_end::client_gone) {
      hub->pages().cancel(number);
    } else {
      hub->pages().end_wait(number);
    }
  });
}

void page_reading::answer(streams::page_result page) {
  // A key that was revoked while it waited reads nothing more.
  if (key_was_revoked(asked_->context(), asked_->who())) return asked_->refuse(no_such_key());
  if (!page) return refuse_page(page.error());
  const auto of = still_there();
  if (is_over(of)) return;
  // One commit ends the waits of many. Nothing is lost: who asks keeps the place.
  const auto& context = asked_->context();
  if (context.answer_bytes > context.options.answer_bytes_max)
    return asked_->refuse(too_many_answer_bytes());
  const auto& project = asked_->who().key.project;
  const page_remarks remarks{
      make_token({page->next, std::move(page->accepted_gaps)}, project), page->caught_up,
      until_ ? until_->commit : of->streams()->pages().captured_through().commit,
      until_.has_value()};
  asked_->answer(answer_of(*page, remarks, form_, project));
}

void page_reading::refuse_page(const streams::page_refusal& why) {
  if (why.is_expired) return refuse_expired(why.why);
  auto answer = refuse_for_now(why.why);
  if (why.gap) answer.gap = control::to_json(*why.gap);
  asked_->refuse(answer);
}

void page_reading::refuse_expired(const error& why) {
  refusal answer{410, pulse_code::server_error, why.what,
                 "reload your data from the tables, then read on with after=now, or with "
                 "after=beginning for the oldest event that is kept"};
  const auto of = still_there();
  const auto hub = of ? of->streams() : nullptr;
  const auto oldest = hub ? hub->pages().oldest() : std::nullopt;
  answer.more["oldest"] = oldest ? boost::json::value(to_string(*oldest)) : nullptr;
  asked_->refuse(answer);
}

std::shared_ptr<project_service> page_reading::still_there() const {
  const auto of = project_.lock();
  return of && asked_->context().registry->project(asked_->who().key.project) == of ? of : nullptr;
}

bool page_reading::is_over(const std::shared_ptr<project_service>& of) {
  if (key_was_revoked(asked_->context(), asked_->who())) {
    asked_->refuse(no_such_key());
  } else if (of == nullptr) {
    asked_->refuse(
        404, "the project '" + asked_->who().key.project + "' of this API key does not exist here");
  } else if (const auto why = of->not_serving()) {
    asked_->refuse(refuse_for_now(*why));
  } else {
    return false;
  }
  return true;
}

}  // namespace pulse::server

#include "server/stream_opener.hpp"

#include <utility>

#include "base/logging.hpp"
#include "requests/table_resolver.hpp"

namespace pulse::server {

stream_opener::stream_opener(const http_exchange& asked, key_identity key, opened done)
    : context_(asked.shared_context()),
      request_id_(asked.request_id()),
      who_(asked.who()),
      key_(std::move(key)),
      done_(std::move(done)) {}

std::optional<refusal> stream_opener::check(requests::stream_mode mode) const {
  if (context_->stopping) return refuse_while_stopping();
  const auto of = context_->registry->project(key_.project);
  if (of == nullptr) return no_project();
  if (mode == requests::stream_mode::stream && !of->event_persistence()) {
    return refusal{403, pulse_code::streams_disabled,
                   "stream() needs event persistence, which is off in this project",
                   "switch event persistence on, or use subscribe()"};
  }
  return std::nullopt;
}

void stream_opener::refuse(const refusal& why) {
  note_refused_stream(*context_, key_, request_id_, why);
  std::exchange(done_, nullptr)(why);
}

void stream_opener::open(streams::stream_opening what) {
  const auto of = context_->registry->project(key_.project);
  if (of == nullptr) return refuse(no_project());
  if (const auto why = of->not_serving()) return refuse(refuse_for_now(*why));
  project_ = of;
  const auto asked = std::make_shared<streams::stream_opening>(std::move(what));
  of->resolve(asked->wanted, [self = shared_from_this(), asked](result<resolved_table> table) {
    self->resolved(std::move(*asked), std::move(table));
  });
}

void stream_opener::resolved(streams::stream_opening what, result<resolved_table> table) {
  // Before the stream's name is taken.
  if (key_was_revoked(*context_, who_)) return refuse(no_such_key());
  if (!table) return refuse(refuse_for_datasource(table.error()));
  const auto published = requests::check_published_actions(table->publication, what.wanted.wanted);
  if (!published) return refuse(pulse::server::refuse(published.error()));
  const auto of = still_there();
  if (of == nullptr) return refuse(no_project());
  const auto host = context_->host_of(*of);
  const bool is_named = !what.wanted.name.empty();
  opened_stream stream{host, {}, {table->shape.definition->table, what.wanted.name}, table->now};
  if (is_named) stream.waits_behind = host->holder(stream.key);
  what.shape = table->shape;
  what.start = table->now;
  host->open(std::move(what),
             [self = shared_from_this(), stream = std::move(stream)](
                 const result<filters::stream_id>& outcome) { self->answered(stream, outcome); });
}

void stream_opener::answered(opened_stream stream, const result<filters::stream_id>& outcome) {
  if (!outcome) return refuse(refusal_of(outcome.error(), stream.key));
  if (key_was_revoked(*context_, who_)) {
    stream.host->close(*outcome);
    return refuse(no_such_key());
  }
  stream.id = *outcome;
  log_opened(stream.key);
  std::exchange(done_, nullptr)(std::move(stream));
}

void stream_opener::log_opened(const streams::cursor_key& stream) const {
  if (!context_->lines.opened.take(context_->now())) return;
  log_info("server", "stream opened",
           {{"project", key_.project},
            {"key", key_.key_id},
            {"table", to_string(stream.table)},
            {"stream", stream.name},
            {"request_id", request_id_}});
}

// With the gap, when the stream has reached one.
refusal stream_opener::refusal_of(const error& why, const streams::cursor_key& stream) const {
  auto answer = pulse::server::refuse(why);
  const auto of = still_there();
  if (why.code != errc::gap || of == nullptr) return answer;
  if (const auto gap = of->streams()->gap_of(stream)) answer.gap = control::to_json(*gap);
  return answer;
}

// The project may have gone while the database or the disk was waited for, and another one may
// have come by its name.
std::shared_ptr<project_service> stream_opener::still_there() const {
  const auto asked = project_.lock();
  return asked && context_->registry->project(key_.project) == asked ? asked : nullptr;
}

refusal stream_opener::no_project() const {
  return {404, pulse_code::server_error,
          "the project '" + key_.project + "' of this API key does not exist here"};
}

void note_refused_stream(server_context& context, const key_identity& key,
                         const std::string& request_id, const refusal& why) {
  context.figures.refused_streams.Increment();
  if (!context.lines.refused.take(context.now())) return;
  log_info("server", "stream refused",
           {{"project", key.project},
            {"key", key.key_id},
            {"status", why.status},
            {"code", to_string(why.code)},
            {"request_id", request_id},
            {"reason", why.message}});
}

}  // namespace pulse::server

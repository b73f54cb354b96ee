#include "server/events/wait_routes.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <boost/asio/steady_timer.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "server/events/wait_request.hpp"

namespace pulse::server {
namespace {

namespace json = boost::json;

// Between two questions about a transaction that is in progress: more often at first.
constexpr std::chrono::milliseconds question_pause_first{1};
constexpr std::chrono::milliseconds question_pause_last{50};
constexpr std::chrono::milliseconds pause_after_failure{100};
// Between two looks at a cursor.
constexpr std::chrono::milliseconds cursor_pause{10};
constexpr std::chrono::seconds retry_refused_after{1};

// One request, from its first question to its answer.
class pending_wait : public std::enable_shared_from_this<pending_wait> {
 public:
  pending_wait(exchange_pointer asked, wait_request wanted,
               const std::shared_ptr<project_service>& of)
      : asked_(std::move(asked)),
        context_(asked_->shared_context()),
        wanted_(std::move(wanted)),
        project_(of),
        deadline_(context_->executor),
        pause_(context_->executor) {
    ++context_->waits;
    context_->figures.waits_open.Set(static_cast<double>(context_->waits));
  }
  pending_wait(const pending_wait&) = delete;
  pending_wait& operator=(const pending_wait&) = delete;
  ~pending_wait() {
    --context_->waits;
    context_->figures.waits_open.Set(static_cast<double>(context_->waits));
  }

  void begin() {
    asked_->wait(context_->now() + wanted_.longest, [weak = weak_from_this()](wait_end why) {
      if (const auto self = weak.lock()) self->ended(why);
    });
    if (over_) return;
    deadline_.expires_after(wanted_.longest);
    deadline_.async_wait([self = shared_from_this()](const auto& cancelled) {
      if (!cancelled) self->time_is_up();
    });
    if (wanted_.stream) return find_stream();
    find_place();
  }

 private:
  void find_stream() {
    const auto of = project();
    if (!of) return;
    of->resolve(*wanted_.stream, [self = shared_from_this()](const result<resolved_table>& table) {
      if (self->over_) return;
      if (!table) return self->refuse(refuse_for_datasource(table.error()));
      self->key_ = {table->shape.definition->table, self->wanted_.stream->name};
      if (!self->cursor()) return self->refuse_unknown_stream();
      self->find_place();
    });
  }

  // Asked again until there is a place, because the database may be away for a moment.
  void find_place() {
    const auto of = project();
    if (!of) return;
    auto* history = of->history();
    if (history == nullptr) return refuse(pulse::server::refuse(project_is_closing()));
    if (wanted_.xid) {
      return history->find_transaction(
          *wanted_.xid, [self = shared_from_this()](const auto& found) { self->found(found); });
    }
    if (wanted_.now) {
      return of->find_end([self = shared_from_this()](const auto& end) {
        self->found(end ? result<std::optional<position>>(end->at) : end.error());
      });
    }
    found(history->place(*wanted_.at));
  }

  void found(const result<std::optional<position>>& place) {
    if (over_) return;
    was_answered_ = true;
    if (place && *place) return wait_for(**place);
    problem_ = place ? not_ended() : place.error().what;
    if (is_late_) return refuse_late();
    if (!place) return look_again(pause_after_failure, &pending_wait::find_place);
    question_pause_ = std::min(question_pause_ * 2, question_pause_last);
    look_again(question_pause_, &pending_wait::find_place);
  }

  std::string not_ended() const {
    if (wanted_.xid) return fmt::format("transaction {} has not ended", *wanted_.xid);
    return "PostgreSQL has not been reached yet";
  }

  void wait_for(const position& place) {
    place_ = place;
    problem_ = fmt::format("everything before {} is not captured yet", to_string(place.commit));
    const auto of = project();
    if (!of) return;
    auto* history = of->history();
    if (history == nullptr) return refuse(pulse::server::refuse(project_is_closing()));
    if (history->has_captured(place)) return captured();
    if (is_late_) return refuse_late();
    in_line_ = history->wait(place, [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (self && !self->over_) self->captured();
    });
  }

  void captured() {
    if (key_.name.empty()) return answer();
    const auto of = project();
    if (!of) return;
    const auto* history = of->history();
    if (history == nullptr) return refuse(pulse::server::refuse(project_is_closing()));
    const auto reached = cursor();
    if (!reached) return refuse_unknown_stream();
    if (history->has_passed(*reached, place_)) return answer();
    problem_ = fmt::format("stream '{}' has not acknowledged everything before {}", key_.name,
                           to_string(place_.commit));
    if (is_late_) return refuse_late();
    look_again(cursor_pause, &pending_wait::captured);
  }

  void look_again(std::chrono::milliseconds later, void (pending_wait::*look)()) {
    pause_.expires_after(later);
    pause_.async_wait([self = shared_from_this(), look](const auto& cancelled) {
      if (!cancelled && !self->over_) (*self.*look)();
    });
  }

  // However short the wait, the database's answer to the first question is waited for.
  void time_is_up() {
    is_late_ = true;
    if (!over_ && was_answered_) refuse_late();
  }

  void ended(wait_end why) {
    if (over_) return;
    if (why == wait_end::client_gone) return finish();
    refuse(key_was_revoked(*context_, asked_->who()) ? no_such_key() : refuse_while_stopping());
  }

  void answer() {
    json::object body{{"lsn", to_string(place_.commit)}};
    add_progress(body);
    http_response response;
    response.body = json::serialize(body);
    finish();
    asked_->answer(response);
  }

  void refuse_late() {
    context_->figures.waits_timed_out.Increment();
    refusal why{504, pulse_code::server_error,
                fmt::format("{}, after {} ms", problem_, wanted_.longest.count()),
                wanted_.xid ? "commit the transaction first; ask again to wait longer"
                            : "ask again to wait longer"};
    add_progress(why.more);
    refuse(why);
  }

  void add_progress(json::object& to) const {
    const auto of = project_.lock();
    if (const auto* history = of ? of->history() : nullptr)
      to["captured"] = to_string(history->captured().commit);
    if (key_.name.empty()) return;
    if (const auto reached = cursor()) to["acknowledged"] = to_string(reached->commit);
  }

  void refuse_unknown_stream() {
    refuse({404, pulse_code::server_error,
            fmt::format("table {} has no stream '{}'", to_string(key_.table), key_.name),
            "open the stream first; `pulse streams list` shows all"});
  }

  void refuse(const refusal& why) {
    finish();
    asked_->refuse(why);
  }

  void finish() {
    over_ = true;
    in_line_.reset();
    deadline_.cancel();
    pause_.cancel();
  }

  static error project_is_closing() {
    return {errc::unavailable, "the project is closing", "try again"};
  }

  // Null: it has gone, and the wait is over.
  std::shared_ptr<project_service> project() {
    auto of = project_.lock();
    if (!of) refuse(pulse::server::refuse(project_is_closing()));
    return of;
  }

  // Nothing: nobody has opened the stream.
  std::optional<position> cursor() const {
    const auto of = project_.lock();
    const auto hub = of ? of->streams() : nullptr;
    return hub && hub->knows(key_) ? std::optional(hub->cursor(key_)) : std::nullopt;
  }

  exchange_pointer asked_;
  std::shared_ptr<server_context> context_;
  wait_request wanted_;
  std::weak_ptr<project_service> project_;
  streams::cursor_key key_;  // no name: captured is enough
  position place_;
  std::string problem_;  // what is waited for
  std::shared_ptr<void> in_line_;
  boost::asio::steady_timer deadline_;
  boost::asio::steady_timer pause_;
  std::chrono::milliseconds question_pause_ = question_pause_first;
  bool was_answered_ = false;
  bool is_late_ = false;
  bool over_ = false;
};

void wait_for_capture(const exchange_pointer& asked) {
  auto& context = asked->context();
  auto wanted = parse_wait(asked->request().target);
  if (asked->failed(wanted)) return;
  if (context.stopping) return asked->refuse(refuse_while_stopping());
  const auto of = context.registry->project(asked->who().key.project);
  if (of == nullptr) {
    return asked->refuse(
        404, "the project '" + asked->who().key.project + "' of this API key does not exist here");
  }
  if (const auto why = of->not_serving()) {
    auto refused = refuse(*why);
    if (why->code == errc::unavailable) refused.retry_after = retry_refused_after;
    return asked->refuse(refused);
  }
  if (context.waits >= context.options.waits_max) {
    context.figures.waits_refused.Increment();
    return asked->refuse({503, pulse_code::server_error,
                          fmt::format("{} requests wait already", context.options.waits_max),
                          "try again later", retry_refused_after});
  }
  std::make_shared<pending_wait>(asked, std::move(*wanted), of)->begin();
}

constexpr std::string_view reached_schema = R"({
  "type": "object", "required": ["lsn", "captured"],
  "properties": {
    "lsn": {"type": "string", "description": "What was waited for: everything before it"},
    "captured": {"type": "string", "description": "Everything before it can be read"},
    "acknowledged": {"type": "string", "description": "The stream's cursor, where one is named"}
  }
})";

}  // namespace

void add_wait_route(route_table& routes) {
  routes.add({.method = "GET",
              .path = path_pattern("/v1/wait"),
              .where = served_on::streams,
              .wants = credential::api_key,
              .summary = "Waits until what a transaction has written is captured, or acknowledged.",
              .query = {{"xid", "The transaction: pg_current_xact_id(), 64 bits."},
                        {"lsn", "Instead of xid: everything that committed before it, or `now`."},
                        {"table", "With `name`: of the stream that must have acknowledged it."},
                        {"name", "With `table`: the stream's name."},
                        {"wait", "How long: up to 55s, 5s by default. Then the answer is 504."}},
              .answers = {{.schema = reached_schema}},
              .handle = wait_for_capture});
}

}  // namespace pulse::server

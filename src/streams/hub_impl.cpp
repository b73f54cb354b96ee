#include "streams/hub_impl.hpp"

#include <utility>

#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include "base/logging.hpp"
#include "base/shown_numbers.hpp"
#include "filters/native_filter.hpp"
#include "streams/lease_text.hpp"

namespace pulse::streams {
namespace {

error connection_closed() {
  return {errc::cancelled, "the connection was closed"};
}

}  // namespace

hub::impl::impl(parts with, stream_limits limits)
    : with_(std::move(with)),
      limits_(limits),
      last_id_before_(with_.log->bounds().last_id),
      streams_(with_),
      failures_(with_),
      book_(std::make_shared<cursor_book>(with_, limits_)),
      expiry_(std::make_shared<name_expiry>(with_, limits_, *book_, gaps_, failures_)),
      expiry_watch_(std::make_shared<expiry_watch>(with_, *book_)),
      dispatcher_(std::make_shared<dispatcher>(
          with_, limits_, streams_, gaps_, *book_, failures_,
          [this](filters::stream_id id, end_reason reason, std::string_view message) {
            end(id, reason, message);
          })),
      pages_(std::make_shared<page_readers>(with_, gaps_)),
      unknown_acknowledgements_total_(
          with_.figures->counter(metric::acknowledgements_unknown, with_.project)),
      stalled_streams_(with_.figures->gauge(metric::streams_stalled, with_.project)),
      stalled_ended_total_(with_.figures->counter(metric::streams_stalled_ended, with_.project)),
      unnamed_started_total_(
          with_.figures->counter(metric::unnamed_streams_started, with_.project)) {}

void hub::impl::know(const known_cursor& cursor) {
  if (book_->find(cursor.key)) return;
  name_state name;
  name.key = cursor.key;
  name.cursor = name.saved = cursor.at;
  name.used_at = cursor.used_at;
  name.abandoned = cursor.abandoned;
  name.lease = cursor.lease;
  name.is_of_earlier_run = true;
  // Whoever has the lease says what is wrong with one that cannot be read.
  if (const auto lease = parse_lease(cursor.lease)) {
    std::vector<event_id> delivered;
    for (const auto& one : lease->outstanding) delivered.push_back(one.id);
    name.ahead.remember(delivered, lease->acknowledged);
  }
  book_->find_table(book_->add(std::move(name)));
}

void hub::impl::open(stream_opening what, opened done) {
  const auto& wanted = what.wanted;
  const auto& shape = what.shape;
  const auto refuse = [&](error why) {
    boost::asio::post(with_.executor, [done, why = std::move(why)] { done(why); });
  };
  if (shutting_down_) return refuse({errc::unavailable, "Pulse is shutting down", "connect again"});
  if (streams_.size() >= limits_.streams_max) {
    return refuse({errc::unavailable,
                   "the project has reached its limit of open streams (" +
                       shown_count(limits_.streams_max) + ")",
                   "close some, or raise its setting `streams`"});
  }
  // Only to refuse what cannot be: events bring their own table version, for which the filter is
  // compiled again.
  const filters::filter_table known{shape.definition.get(), shape.facts.get()};
  if (const auto compiled = filters::compile_wanted(wanted, known); !compiled) {
    return refuse(compiled.error());
  }
  const auto table = with_.relations->table(shape.definition->oid, shape.definition->table);
  if (!table) return refuse(table.error());

  const cursor_key key{shape.definition->table, wanted.name};
  if (what.only_as && key != *what.only_as) {
    return refuse({errc::conflict,
                   "the lease is on the table " + to_string(what.only_as->table) + ", not on " +
                       to_string(key.table),
                   "send each table's own token"});
  }
  const bool tracked = wanted.mode == requests::stream_mode::stream;
  const bool named = tracked && !wanted.name.empty();
  if (named && !book_->find(key) && book_->names().size() >= limits_.names_max) {
    return refuse({errc::unavailable,
                   "the project has reached its limit of named streams (" +
                       shown_count(limits_.names_max) + "), and this name is new",
                   "delete some with 'pulse streams delete', or raise its setting `names`"});
  }
  // The cursor may have been moved or deleted since the name was reserved.
  if (const auto name = book_->find(key); what.has_reservation && !(name && name->reserved)) {
    return refuse({errc::conflict, "the lease is over: the cursor was moved or deleted",
                   "pull without a token"});
  }
  auto start = what.from_beginning ? with_.log->bounds().dropped_through : what.start;
  if (tracked && !(named && book_->find(key))) {
    const auto behind = gaps_.start_behind(start, with_.log->bounds().mark(), *table);
    if (!behind) return refuse(behind.error());
    start = *behind;
  }
  auto& stream = streams_.add(std::move(what), *table, limits_);
  if (named) {
    join_name(stream, key, start, std::move(done));
  } else {
    start_unnamed(stream.id, start, std::move(done));
  }
}

void hub::impl::start_unnamed(filters::stream_id id, const position& from, opened done) {
  boost::asio::post(with_.executor, [self = shared_from_this(), id, from, done = std::move(done)] {
    if (self->streams_.find(id) == nullptr) return done(connection_closed());
    done(id);
    auto* stream = self->streams_.find(id);
    if (stream == nullptr) return;
    if (stream->tracked()) self->unnamed_started_total_.Increment();
    self->dispatcher_->start(*stream, from);
  });
}

void hub::impl::join_name(stream_state& stream, const cursor_key& key, const position& start,
                          opened done) {
  auto name = book_->find(key);
  const bool is_new = name == nullptr;
  if (is_new) {
    name_state made;
    made.key = key;
    made.table = stream.table;
    made.opening = true;
    book_->add(std::move(made));
    name = book_->find(key);
  }
  stream.name = name.get();
  name->standbys.push_back(&stream);
  if (!name->opening) {
    boost::asio::post(with_.executor, [self = shared_from_this(), id = stream.id,
                                       done = std::move(done)] { self->attach(id, done); });
    return;
  }
  name->waiting_for_store.push_back([self = shared_from_this(), id = stream.id,
                                     done = std::move(done)](const result<void>& stored) {
    if (stored) return self->attach(id, done);
    self->close(id);
    done(stored.error());
  });
  if (!is_new) return;
  // Its key may be another one when the answer comes, or it may be gone.
  with_.cursors->open(
      key, start,
      [self = shared_from_this(), known = std::weak_ptr(name)](const result<position>& stored) {
        if (const auto waiting = known.lock()) self->name_ready(*waiting, stored);
      });
}

void hub::impl::name_ready(name_state& name, const result<position>& stored) {
  name.opening = false;
  if (stored) name.cursor = name.saved = *stored;
  const auto key = name.key;
  const result<void> outcome = stored ? result<void>() : result<void>(stored.error());
  for (const auto& answer : std::exchange(name.waiting_for_store, {})) answer(outcome);
  if (!stored) book_->remove(key);
}

// A named stream whose cursor is known: refused, served, or kept as a standby.
void hub::impl::attach(filters::stream_id id, const opened& done) {
  auto* stream = streams_.find(id);
  if (stream == nullptr) return done(connection_closed());
  auto& name = *stream->name;
  if (const auto may = check_can_go_on(name, stream->table); !may) {
    close(id);
    return done(may.error());
  }
  book_->use(name);
  done(id);
  stream = streams_.find(id);
  if (stream == nullptr || stream->name != &name) return;
  if (!serve_next(name) && name.active != stream) {
    log_info("streams", "consumer waits: another one uses this name",
             {{"project", with_.project},
              {"table", to_string(name.key.table)},
              {"stream", name.key.name}});
  }
}

// One that has expired may go on by itself, but over no gap.
result<void> hub::impl::check_can_go_on(name_state& name, table_id table) {
  if (name.active == nullptr) {
    if (const auto may = gaps_.check_not_reached(name.cursor, table, *with_.log); !may) return may;
  }
  return expiry_->check_kept(name);
}

void hub::impl::acknowledge(filters::stream_id id, const event_id& event) {
  auto* stream = streams_.find(id);
  if (stream == nullptr || !stream->tracked()) return;
  if (stream->name != nullptr) return acknowledge(*stream->name, event);
  if (!dispatcher_->acknowledge(*stream, event)) unknown_acknowledgements_total_.Increment();
}

// A consumer that has reconnected acknowledges on the new connection what the old one, perhaps
// still active here, had delivered: names count, not connections.
void hub::impl::acknowledge(name_state& name, const event_id& event) {
  if (name.active != nullptr && dispatcher_->acknowledge(*name.active, event)) return;
  if (!name.ahead.acknowledge(event)) unknown_acknowledgements_total_.Increment();
}

std::optional<std::size_t> hub::impl::acknowledge_through(filters::stream_id id,
                                                          const event_id& event) {
  auto* stream = streams_.find(id);
  if (stream == nullptr || !stream->tracked()) return std::nullopt;
  if (event > with_.log->bounds().last_id) {
    unknown_acknowledgements_total_.Increment();
    return std::nullopt;
  }
  auto* name = stream->name;
  auto* holder = name == nullptr ? stream : name->active;
  std::size_t own = 0;
  if (holder != nullptr) {
    const auto ids = holder->window.unacknowledged_through(event);
    if (holder == stream) own = ids.size();
    for (const auto& one : ids) dispatcher_->acknowledge(*holder, one);
  }
  // Of what this process has delivered it knows each event.
  if (name != nullptr) {
    const auto unknown =
        name->is_of_earlier_run ? std::optional(std::min(event, last_id_before_)) : std::nullopt;
    name->ahead.acknowledge_through(event, unknown);
  }
  return own;
}

void hub::impl::when_passed(filters::stream_id id, const position& place,
                            std::function<void()> done) {
  dispatcher_->when_passed(id, place, std::move(done));
}

std::optional<stream_place> hub::impl::place(filters::stream_id id) const {
  const auto* stream = streams_.find(id);
  if (stream == nullptr) return std::nullopt;
  return dispatcher_->place(*stream);
}

void hub::impl::writable(filters::stream_id id) {
  if (auto* stream = streams_.find(id)) dispatcher_->writable(*stream);
}

void hub::impl::quiesce(filters::stream_id id) {
  auto* stream = streams_.find(id);
  if (stream == nullptr) return;
  if (stream->how != delivery::standby) return dispatcher_->stop(*stream);
  // Not promoted any more.
  if (stream->name != nullptr) std::erase(stream->name->standbys, stream);
}

void hub::impl::close(filters::stream_id id) {
  const auto stream = streams_.take(id);
  if (!stream) return;
  dispatcher_->stop(*stream);
  if (stream->name != nullptr) leave_name(*stream);
}

void hub::impl::leave_name(stream_state& stream) {
  auto& name = *stream.name;
  std::erase(name.standbys, &stream);
  if (name.active != &stream) return;
  name.cursor = name.reached();
  name.active = nullptr;
  name.ahead.connection_ended(stream.window);
  book_->use(name);
  book_->save_soon();
  if (!serve_next(name)) return;
  log_info("streams", "waiting consumer takes over",
           {{"project", with_.project},
            {"table", to_string(name.key.table)},
            {"stream", name.key.name}});
}

bool hub::impl::serve_next(name_state& name) {
  auto* next = name.promote();
  if (next == nullptr) return false;
  // Whoever has the reservation has had the name all the time.
  name.held_since = name.reserved ? name.reserved->since : with_.clock->now();
  name.turn = book_->next_turn();
  dispatcher_->start(*next, name.cursor);
  return true;
}

void hub::impl::end(filters::stream_id id, end_reason reason, std::string_view message) {
  const auto* stream = streams_.find(id);
  if (stream == nullptr) return;
  const auto to = stream->to;
  close(id);
  to->end(reason, message);
}

void hub::impl::use_gaps(std::vector<control::stored_gap> gaps) {
  gaps_.use(std::move(gaps));
  // Recorded by an earlier run, perhaps: nobody has to find it again, retention least of all.
  for (const auto& gap : gaps_.all()) {
    if (traits_of(gap.what.kind).is_found_in_log && gap.what.through)
      with_.log->pass_damage(gap.what.after, *gap.what.through);
  }
  dispatcher_->look_at_gaps();
  pages_->look_at_gaps();
}

std::optional<control::stored_gap> hub::impl::gap_of(const cursor_key& key) const {
  const auto name = book_->find(key);
  if (!name) return std::nullopt;
  const auto* gap = gaps_.bar_behind(name->cursor, name->table);
  return gap == nullptr ? std::nullopt : std::optional(*gap);
}

void hub::impl::make_way(const position& through, std::function<void(bool)> done) {
  if (shutting_down_) return done(false);
  expiry_->make_way(through, std::move(done));
}

void hub::impl::tick(std::chrono::steady_clock::time_point now) {
  // Acknowledgements that no event follows would otherwise not be seen until one does.
  dispatcher_->show_figures();
  dispatcher_->tick(now);
  streams_.tick(now);
  std::size_t stalled = 0;
  std::vector<std::pair<filters::stream_id, std::chrono::steady_clock::duration>> in_the_way;
  for (const auto& [id, stream] : streams_.all()) {
    // A lease's stream stands still until the next pull.
    if (stream->how != delivery::waiting || stream->kind == holder_kind::pull) {
      stream->stall.moves();
      continue;
    }
    ++stalled;
    const auto still = stream->stall.stands(now, stream->acknowledged);
    if (holds_others_up(*stream, still)) in_the_way.emplace_back(id, still);
  }
  for (const auto& [id, still] : in_the_way) end_stalled(id, still);
  stalled_streams_.Set(static_cast<double>(stalled - in_the_way.size()));
  book_->show_lags(with_.log->bounds().last_at, history_);
  book_->sweep(now);
  expiry_->abandon_unused(now);
}

bool hub::impl::holds_others_up(const stream_state& stream,
                                std::chrono::steady_clock::duration still) const {
  return limits_.stall_timeout.count() != 0 && stream.name != nullptr &&
         !stream.name->standbys.empty() && still >= limits_.stall_timeout;
}

void hub::impl::end_stalled(filters::stream_id id, std::chrono::steady_clock::duration still) {
  const auto& stream = streams_.at(id);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(still).count();
  log_warning("streams",
              "stalled consumer disconnected: it acknowledged nothing while another one waited for "
              "its name",
              {{"project", with_.project},
               {"table", to_string(stream.table_of)},
               {"stream", stream.wanted.name},
               {"unacknowledged_events", stream.window.events()},
               {"stalled_seconds", seconds}});
  stalled_ended_total_.Increment();
  // A close's reason has 123 bytes at most.
  end(id, end_reason::slow,
      fmt::format("nothing was acknowledged for {}, and another consumer waits for this name",
                  shown_duration(std::chrono::seconds(seconds))));
}

void hub::impl::shut_down(end_reason reason, std::string_view message, std::function<void()> done) {
  shutting_down_ = true;
  for (const auto id : streams_.where([](const auto&) { return true; })) end(id, reason, message);
  refuse_waiting({errc::unavailable, std::string(message), "connect again"});
  pages_->shut_down();
  dispatcher_->show_figures();
  book_->close(std::move(done));
}

}  // namespace pulse::streams

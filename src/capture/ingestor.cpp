#include "capture/ingestor.hpp"

#include <algorithm>
#include <utility>

#include "base/logging.hpp"
#include "source/relations.hpp"

namespace pulse::capture {

namespace {

bool holds_composite(const column_type& type) {
  return type.kind == value_kind::composite ||
         std::ranges::any_of(type.parts,
                             [](const type_part& part) { return holds_composite(part.type); });
}

// Not taken apart, perhaps since what it consists of is not known.
bool may_hold_composite(const column_type& type) {
  return type.kind == value_kind::other || type.kind == value_kind::composite ||
         std::ranges::any_of(type.parts,
                             [](const type_part& part) { return may_hold_composite(part.type); });
}

bool may_hold_composite(const relation& table) {
  return std::ranges::any_of(table.columns,
                             [](const column& one) { return may_hold_composite(one.type); });
}

// PostgreSQL describes a table anew when it is altered, and not when a composite type is that it
// has.
bool holds_composite(const relation& table) {
  return std::ranges::any_of(table.columns,
                             [](const column& one) { return holds_composite(one.type); });
}

}  // namespace

ingestor::ingestor(std::string project, log::event_log& log, log::relation_store& relations,
                   metrics& figures)
    : project_(std::move(project)),
      log_(&log),
      relations_(&relations),
      captured_total_(figures.counter(metric::events_captured, project_)),
      recaptured_total_(figures.counter(metric::events_recaptured, project_)),
      truncates_total_(figures.counter(metric::truncates, project_)),
      transactions_total_(figures.counter(metric::transactions_captured, project_)) {
  shapes_.reach(log.bounds().covered_through);
}

void ingestor::start(timelines history) {
  const auto bounds = log_->bounds();
  history_ = std::move(history);
  // Pending appends are not in the bounds yet; within one process `last_at_` is the newer of the
  // two.
  last_at_ = std::max(last_at_, bounds.last_at);
  if (ids_.last() < bounds.last_id) ids_ = event_id_sequence(bounds.last_id);
  in_transaction_ = false;
  received_through_ = bounds.covered_through;
  recent_.forget();
  shapes_.reach(bounds.covered_through);
  // The server describes every table again on a new connection.
  known_.clear();
  unresolved_.clear();
  outdated_ = {};
  unsent_.clear();
}

result<void> ingestor::on_begin(const transaction_begin& begin) {
  in_transaction_ = true;
  commit_ = begin.commit;
  committed_at_ = begin.committed_at;
  xid_ = begin.xid;
  told_of_transaction_ = false;
  if (shapes_.reach(commit_)) describe_all_again();
  return {};
}

result<void> ingestor::on_relation(const relation_definition& definition) {
  known_.erase(definition.oid);
  const auto resolved =
      shapes_.has_types() ? source::resolve(definition, shapes_.types()) : std::nullopt;
  if (!resolved || !relations_->settled(definition.oid, definition.table) ||
      holds_composite(*resolved) || (shapes_.awaits_reading() && may_hold_composite(*resolved))) {
    unresolved_.push_back(definition);
    return {};
  }
  return describe(*resolved, definition);
}

result<void> ingestor::describe(const relation& resolved, const relation_definition& definition) {
  const auto described = relations_->describe(resolved);
  if (!described) return described.error();
  known_relation known{described->version, described->table, std::nullopt};
  if (may_hold_composite(resolved)) known.definition = definition;
  known_.insert_or_assign(resolved.oid, std::move(known));
  return {};
}

// What follows is decoded when the types have been read again.
void ingestor::describe_again(std::uint32_t oid) {
  const auto known = known_.find(oid);
  if (known == known_.end() || !known->second.definition) return;
  unresolved_.push_back(std::move(*known->second.definition));
  known_.erase(known);
}

void ingestor::describe_all_again() {
  std::vector<std::uint32_t> described;
  described.reserve(known_.size());
  for (const auto& [oid, known] : known_) described.push_back(oid);
  for (const auto oid : described) describe_again(oid);
}

void ingestor::use_types(const type_catalog& types) {
  if (shapes_.use(types)) describe_all_again();
}

void ingestor::note_read(std::optional<lsn> before) {
  if (before) {
    if (shapes_.read(*before)) describe_all_again();
  } else if (shapes_.awaits_reading()) {
    outdated_.every_table = true;
  }
}

result<void> ingestor::resolve_with(const type_catalog& newest) {
  use_types(newest);
  const auto& types = shapes_.types();
  for (const auto& definition : std::exchange(unresolved_, {})) {
    auto resolved = source::resolve(definition, types);
    if (!resolved) {
      log_warning("ingest", "column type dropped from the database: its values are text",
                  {{"project", project_}, {"table", to_string(definition.table)}});
      resolved = source::resolve_as_text(definition, types);
    }
    if (const auto described = describe(*resolved, definition); !described)
      return described.error();
  }
  return {};
}

ingestor::outdated ingestor::take_outdated() {
  outdated found;
  const auto said = std::exchange(outdated_, {});
  found.everything = said.every_table;
  found.tables.assign(said.tables.begin(), said.tables.end());
  for (const auto& definition : unresolved_) {
    found.tables.push_back(definition.oid);
    for (const auto& column : definition.columns) found.types.push_back(column.type_oid);
  }
  return found;
}

table_id ingestor::table(std::uint32_t relation_oid) const {
  const auto known = known_.find(relation_oid);
  return known == known_.end() ? 0 : known->second.table;
}

result<void> ingestor::on_change(const row_change& change) {
  const auto known = known_.find(change.relation_oid);
  if (known == known_.end()) {
    return error{errc::protocol,
                 "a change at " + to_string(change.at) + " is of table OID " +
                     std::to_string(change.relation_oid) +
                     ", which PostgreSQL did not describe before",
                 "report this with PostgreSQL's version"};
  }
  const position at{history_.at(commit_), commit_, change.at, change.ordinal};
  if (at <= last_at_) {
    ++recaptured_;
    return {};
  }
  event_view event;
  event.id = ids_.next(commit_, committed_at_);
  event.at = at;
  event.committed_at = committed_at_;
  event.relation = known->second.version;
  event.table = known->second.table;
  event.action = change.action;
  event.before_kind = change.before_kind;
  event.before = change.before;
  event.after = change.after;
  if (auto appended = log_->append(event); !appended) return appended.error();
  // Behind one of its changes that are stored already it has been counted.
  if (last_at_.timeline != at.timeline || last_at_.commit != commit_) ++transactions_;
  last_at_ = at;
  // Changes have lower LSNs than their commit.
  if (on_transaction_ && !std::exchange(told_of_transaction_, true))
    on_transaction_(xid_, {at.timeline, commit_, commit_, 0});
  if (change.action == change_action::truncate) {
    tell_of_truncate(event);
  } else {
    ++captured_;
  }
  return {};
}

result<void> ingestor::on_message(const logical_message& message) {
  if (message.prefix != ddl_message_prefix) return {};
  const auto said = parse_ddl_message(message.content, ddl_token_);
  ddl_.add(said);
  outdated_.add(said);
  // Of an ordinal of its own, before whatever comes next.
  const position at{history_.at(commit_), commit_, message.at, 0};
  for (const auto oid : said.unsent) unsent_.push_back({oid, at});
  for (const auto oid : said.tables) describe_again(oid);
  if (shapes_.said(said) || said.every_table) describe_all_again();
  return {};
}

void ingestor::tell_of_truncate(const event_view& event) {
  truncates_total_.Increment();
  const auto definition = relations_->find(event.relation);
  log_warning("ingest", "table truncated: consumers with the client extension get no event",
              {{"project", project_},
               {"table", definition ? to_string(definition->table) : std::string()},
               {"position", to_string(event.at)}});
}

result<void> ingestor::on_commit(const transaction_commit& commit) {
  in_transaction_ = false;
  received_through_ = commit.end;
  recent_.add(xid_, {history_.at(commit_), commit_, commit_, 0});
  return log_->cover(history_.at(commit.end), commit.end);
}

void ingestor::publish_figures() {
  const auto flush = [](std::uint64_t& count, prometheus::Counter& total) {
    if (count != 0) total.Increment(static_cast<double>(count));
    count = 0;
  };
  flush(captured_, captured_total_);
  flush(recaptured_, recaptured_total_);
  flush(transactions_, transactions_total_);
}

}  // namespace pulse::capture

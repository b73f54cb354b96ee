// Which table a stream that opens is of: from the catalog at hand, or from a look at the database.
#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "app/project.hpp"
#include "base/logging.hpp"
#include "filters/native_filter.hpp"
#include "requests/table_resolver.hpp"
#include "source/relations.hpp"

namespace pulse::app {

namespace asio = boost::asio;

namespace {

// How long a stream that opens waits for what the database says. On a known table it then begins at
// the log's end, which is before "now": it gets more, never less.
constexpr std::chrono::milliseconds patience_for_known{250};
constexpr std::chrono::seconds patience_for_unknown{5};

// What a stream that opens has asked the database.
struct question {
  question(const asio::any_io_executor& delivery, server::project_service::resolved answered)
      : patience(delivery), done(std::move(answered)) {}

  asio::steady_timer patience;
  server::project_service::resolved done;  // empty once it was told
};

table_shape shape_of(const catalog_table& table, const catalog& known) {
  return {std::make_shared<const relation>(source::relation_from_catalog(table, known.types)),
          std::make_shared<const table_facts>(source::facts_from_catalog(table, known))};
}

}  // namespace

void project::catalog_read(std::shared_ptr<const catalog> known, std::function<void()> kept) {
  const auto renamed = catalog_ ? renamed_tables(*catalog_, *known) : std::vector<table_rename>();
  catalog_ = std::move(known);
  hub_->follow(renamed);
  pulls_->follow(renamed);
  keep_catalog(std::move(kept));
}

void project::keep_catalog(std::function<void()> kept) {
  catalog_unsaved_ = false;
  with_.control->run(
      with_.delivery,
      [name = name(), known = catalog_](control::state_store& store) {
        return store.keep_catalog(name, known);
      },
      [weak = weak_from_this(), name = name(), kept = std::move(kept)](const result<void>& saved) {
        // Capture lives as long as the project.
        const auto self = weak.lock();
        if (self) kept();
        if (saved) return;
        log_warning("state",
                    "catalog not stored: no cursor is stored before it, because tables may have "
                    "other names in it; trying again",
                    {{"project", name}, {"reason", saved.error().message()}});
        if (self) self->catalog_unsaved_ = true;
      });
}

result<server::resolved_table> project::resolve_from(const catalog& known,
                                                     const requests::stream_request& wanted,
                                                     const position& flushed) const {
  const auto schemas = requests::schema_list(with_.target.schema);
  auto table = requests::resolve_table(known, wanted.model, schemas, with_.config.name);
  if (!table && !wanted.name.empty()) {
    // What was captured before it became a partition is still to be had, up to the gap that tells.
    const auto* partition = requests::find_partition(known, wanted.model, schemas);
    if (partition != nullptr && hub_->gap_of({partition->name, wanted.name})) table = partition;
  }
  if (!table) return table.error();
  server::resolved_table found;
  found.shape = shape_of(**table, known);
  found.publication = known.publication;
  // Every commit that has returned is before what the server has flushed, stored yet or not;
  // without the database, the log's end.
  const auto bounds = with_.storage->log->bounds();
  found.now = std::max({bounds.last_at, bounds.mark(), flushed});
  return found;
}

// Labels, replica identities, types and columns may have changed since the catalog was read: what
// it refuses is judged by a fresh one.
bool project::fits(const catalog& known, const catalog_table& table,
                   const requests::stream_request& wanted) const {
  if (!requests::has_columns_of(table, wanted.model)) return false;
  const auto shape = shape_of(table, known);
  return filters::compile_wanted(wanted, {shape.definition.get(), shape.facts.get()}).has_value();
}

std::optional<server::resolved_table> project::resolve_at_hand(
    const requests::stream_request& wanted) const {
  if (!catalog_) return std::nullopt;
  // Which of several tables is meant hangs on columns, which may have changed since.
  if (wanted.model.schema.empty() && catalog_->find_in_any_schema(wanted.model.table).size() > 1)
    return std::nullopt;
  const auto table = requests::resolve_table(*catalog_, wanted.model,
                                             requests::schema_list(with_.target.schema), name());
  if (!table || !fits(*catalog_, **table, wanted)) return std::nullopt;
  auto found = resolve_from(*catalog_, wanted, {});
  if (!found) return std::nullopt;
  return std::move(*found);
}

void project::resolve(const requests::stream_request& wanted, resolved done) {
  const auto& model = wanted.model;
  const auto state = capture_->status();
  const auto table = catalog_ ? requests::resolve_table(*catalog_, model,
                                                        requests::schema_list(with_.target.schema),
                                                        with_.config.name)
                              : result<const catalog_table*>(error{errc::not_found, "", ""});
  const bool known = table.has_value();
  if (!state.connected) {
    // The database is away: what is known will do.
    if (known) return done(resolve_from(*catalog_, wanted, {}));
    if (catalog_ && state.state == "reconnecting") return done(table.error());
    if (state.state == "stopped" || !catalog_) {
      return done(error{errc::unavailable,
                        "the table is unknown, and PostgreSQL is unreachable" +
                            (state.problem.empty() ? "" : ": " + state.problem),
                        "try again when PostgreSQL is reachable"});
    }
  }
  // Which of several tables is meant hangs on columns, which may have changed since.
  const bool chosen =
      model.schema.empty() && catalog_ && catalog_->find_in_any_schema(model.table).size() > 1;
  // What is at hand and would serve is enough where the database takes its time; what would refuse
  // is not.
  const bool enough = known && fits(*catalog_, **table, wanted);
  const auto asked = std::make_shared<question>(with_.delivery, std::move(done));
  const auto answered = [weak = weak_from_this(), wanted, enough,
                         asked](const result<capture::capture::present>& answer) {
    asked->patience.cancel();
    const auto tell = std::exchange(asked->done, nullptr);
    if (!tell) return;
    const auto self = weak.lock();
    if (!self) return tell(error{errc::unavailable, "the project is closing", "connect again"});
    if (!answer && !enough)
      return tell(error{errc::unavailable, answer.error().what, answer.error().next});
    const auto& catalog_at_hand = answer && answer->known ? answer->known : self->catalog_;
    tell(self->resolve_from(*catalog_at_hand, wanted, answer ? answer->flushed : position{}));
  };
  asked->patience.expires_after(enough ? patience_for_known : patience_for_unknown);
  asked->patience.async_wait([answered](const boost::system::error_code& cancelled) {
    if (!cancelled) answered(error{errc::unavailable, "PostgreSQL does not answer", "try again"});
  });
  capture::capture::wanted what;
  what.catalog = !known || chosen;
  if (known) what.table_oid = (*table)->oid;
  capture_->ask(
      what, [delivery = with_.delivery, answered](const result<capture::capture::present>& answer) {
        asio::post(delivery, [answered, answer] { answered(answer); });
      });
}

}  // namespace pulse::app

// Turns decoded fragments into stored events: a change gets its position, its id and its table's
// version.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/metrics.hpp"
#include "capture/composite_shapes.hpp"
#include "capture/recent_transactions.hpp"
#include "change/ddl_message.hpp"
#include "change/event_id.hpp"
#include "change/fragment.hpp"
#include "change/timelines.hpp"
#include "change/type_catalog.hpp"
#include "log/event_log.hpp"

namespace pulse::capture {

// Takes one connection's fragments and appends events to the log. Without streaming, every arriving
// change has been committed, so changes are appended as they come: one row bounds the memory,
// however large the transaction. A change that a new connection sends again is recognised by its
// position and keeps the stored event and id. No I/O of its own. One owner: the capture thread.
class ingestor final : public fragment_sink {
 public:
  // The project's name is for log lines and metrics.
  ingestor(std::string project, log::event_log& log, log::relation_store& relations,
           metrics& figures);

  // Called for each transaction with new events, with a position after all of its events and before
  // those of the next one. Set before the first connection.
  using transaction_listener = std::function<void(std::uint32_t xid, const position& through)>;
  void tell_of_transactions(transaction_listener told) { on_transaction_ = std::move(told); }

  // Starts a new connection to a server with this history, after the end of the log.
  void start(timelines history);

  result<void> on_begin(const transaction_begin& begin) override;
  result<void> on_relation(const relation_definition& definition) override;
  result<void> on_change(const row_change& change) override;
  result<void> on_message(const logical_message& message) override;
  result<void> on_commit(const transaction_commit& commit) override;

  // Returns whether a table's definition needs a newer catalog: it names an unknown type, or the
  // table was renamed or created since. Hand in no changes before resolve_with() was called with a
  // newer catalog, which the relation store has observed.
  bool needs_catalog() const { return !unresolved_.empty(); }
  // Tables of which PostgreSQL does not send all changes from here on, as event triggers reported.
  // Hand in nothing more before these are handled.
  struct unsent_table {
    std::uint32_t oid = 0;
    position after;
  };
  bool has_unsent() const { return !unsent_.empty(); }
  std::vector<unsent_table> take_unsent() { return std::exchange(unsent_, {}); }
  // Returns whether nothing more may be handed in yet.
  bool waits() const { return needs_catalog() || has_unsent(); }

  // What to read from the catalog then: the waiting tables, the types of their columns, and the
  // tables that statements have altered since the last call, as far as event triggers reported
  // them.
  struct outdated {
    bool everything = false;
    std::vector<std::uint32_t> tables;
    std::vector<std::uint32_t> types;
  };
  outdated take_outdated();
  // Sets the token of the messages of Pulse's own event triggers.
  void use_ddl_token(std::string token) { ddl_token_ = std::move(token); }
  // Sets from where on messages report every alteration (PostgreSQL 14 and later).
  void rely_on_ddl_messages(std::optional<lsn> from) { shapes_.rely_on_messages(from); }
  // The result of take_outdated() was read and given to use_types(); it had committed before that
  // position. Nothing: it may be older than the stream's position.
  void note_read(std::optional<lsn> before);
  bool relies_on_ddl_messages() const { return shapes_.relies_on_messages(); }
  // The types must live until others are set.
  void use_types(const type_catalog& types);
  // Another database is followed: forgets the types.
  void forget_types() { shapes_.forget(); }
  // Resolves waiting definitions. A type that the database does not have any more is taken as text.
  result<void> resolve_with(const type_catalog& newest);

  bool in_transaction() const { return in_transaction_; }
  // Returns the commit record of the transaction in progress on this connection.
  std::optional<lsn> open_commit() const {
    return in_transaction_ ? std::optional(commit_) : std::nullopt;
  }
  // Returns the last transactions of this connection that are wholly appended, also those without
  // events.
  const recent_transactions& recent() const { return recent_; }
  // Returns the id of the transaction that has begun last.
  std::uint32_t transaction_id() const { return xid_; }
  // Returns the end of the last transaction that is wholly appended.
  lsn received_through() const { return received_through_; }

  // Returns tables that statements have created, altered or dropped since the last call, as far as
  // Pulse's event triggers reported them. Bounded: see ddl_message.
  ddl_message take_ddl() { return std::exchange(ddl_, {}); }

  // Returns the number of the table with this OID, as the connection has described it. 0: it has
  // not.
  table_id table(std::uint32_t relation_oid) const;

  // Adds the counts since the last call to the counters.
  void publish_figures();

 private:
  struct known_relation {
    relation_version version = 0;
    table_id table = 0;
    std::optional<relation_definition> definition;  // where a composite type can be altered
  };

  result<void> describe(const relation& resolved, const relation_definition& definition);
  void describe_again(std::uint32_t oid);
  void describe_all_again();
  void tell_of_truncate(const event_view& event);

  std::string project_;
  log::event_log* log_;
  log::relation_store* relations_;
  transaction_listener on_transaction_;
  composite_shapes shapes_;

  timelines history_;
  position last_at_;
  event_id_sequence ids_;
  bool in_transaction_ = false;
  bool told_of_transaction_ = false;
  lsn commit_;
  unix_time_us committed_at_{};
  std::uint32_t xid_ = 0;
  lsn received_through_;
  recent_transactions recent_;
  std::unordered_map<std::uint32_t, known_relation> known_;
  std::vector<relation_definition> unresolved_;
  ddl_message ddl_;       // since the last take_ddl()
  ddl_message outdated_;  // since the last take_outdated()
  std::string ddl_token_;
  std::vector<unsent_table> unsent_;

  // Counted here, and shown by publish_figures().
  std::uint64_t captured_ = 0;
  std::uint64_t recaptured_ = 0;
  std::uint64_t transactions_ = 0;
  prometheus::Counter& captured_total_;
  prometheus::Counter& recaptured_total_;
  prometheus::Counter& truncates_total_;
  prometheus::Counter& transactions_total_;
};

}  // namespace pulse::capture

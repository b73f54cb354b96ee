#include "pgoutput/decoder.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "change/ddl_message.hpp"
#include "pgoutput/copy_data.hpp"

namespace pulse::pgoutput {

namespace {

// Many rows of one record have numbers of their own; a TRUNCATE is one change here, and its place
// is behind all of its tables.
constexpr std::uint32_t behind_every_table = std::numeric_limits<std::uint32_t>::max();

bool is_change(char type) {
  return type == 'I' || type == 'U' || type == 'D' || type == 'T';
}

// Messages of applications are of any size, and nobody wants them.
bool is_for_capture(byte_view logical_message) {
  message_reader reader(logical_message);
  reader.read_byte();
  reader.read_lsn();
  return reader.read_string() == ddl_message_prefix && reader.ok();
}

}  // namespace

error decoder::violation(std::string_view what) const {
  return {errc::protocol,
          std::string("pgoutput message '") + type_ + "' at " + to_string(wal_start_) + ": " +
              (table_ == nullptr ? "" : "table " + to_string(table_->table) + ": ") +
              std::string(what),
          "report this with PostgreSQL's version" +
              (is_change(type_) && in_transaction_ ? how_to_skip() : std::string())};
}

std::string decoder::how_to_skip() const {
  return "; to skip this change, run `pulse gaps skip " + to_string(wal_start_) + "`";
}

void decoder::reset(std::vector<change_place> passed_over, change_teller told) {
  passed_over_ = std::move(passed_over);
  told_ = std::move(told);
  failed_.reset();
  described_.clear();
  in_transaction_ = false;
  in_block_ = false;
  ordinal_at_ = {};
  next_ordinal_ = 0;
}

result<void> decoder::decode(lsn wal_start, byte_view message) {
  message_reader reader(message);
  type_ = static_cast<char>(reader.read_byte());
  wal_start_ = wal_start;
  table_ = nullptr;
  if (in_block_) return read_streamed(reader);
  switch (type_) {
    case 'S':
      return read_stream_start(reader);
    case 'c':
      return read_stream_commit(reader);
    case 'A':
      return read_stream_abort(reader);
    default:
      return dispatch(reader);
  }
}

result<void> decoder::replay(lsn at, char type, byte_view body) {
  message_reader reader(body);
  type_ = type;
  wal_start_ = at;
  table_ = nullptr;
  return dispatch(reader);
}

result<void> decoder::dispatch(message_reader& reader) {
  switch (type_) {
    case 'I':
    case 'U':
    case 'D':
    case 'T': {
      const auto next = wal_start_ == ordinal_at_ ? next_ordinal_ : 0;
      auto taken = read_change(reader);
      if (taken || !in_transaction_) return taken;
      auto why = taken.error();
      if (why.code == errc::unsupported) {
        if (table_ != nullptr) why = wrap("table " + to_string(table_->table), std::move(why));
        why.next += how_to_skip();
      } else if (why.code != errc::protocol) {
        return why;  // not for what the change is: it will be taken another time
      }
      return pass_over({commit_, wal_start_, type_ == 'T' ? behind_every_table : next}, why);
    }
    case 'B':
      return read_begin(reader);
    case 'C':
      return read_commit(reader);
    case 'R':
      return read_relation(reader);
    case 'Y':  // names a type by OID; the catalog says more
    case 'O':  // where a change was first made; Pulse delivers it all the same
      return {};
    case 'M':
      return read_logical_message(reader);
    default:
      return violation("unknown type");
  }
}

result<void> decoder::read_change(message_reader& reader) {
  switch (type_) {
    case 'I':
      return read_insert(reader);
    case 'U':
      return read_update(reader);
    case 'D':
      return read_delete(reader);
    default:
      return read_truncate(reader);
  }
}

// An error, unless the change is one that is to be left out.
result<void> decoder::pass_over(const change_place& place, const error& why) {
  if (std::ranges::find(passed_over_, place) == passed_over_.end()) {
    failed_ = {place, {}};
    if (table_ != nullptr && type_ != 'T') failed_->relation_oid = table_->oid;
    return why;
  }
  if (place.ordinal != behind_every_table) {
    ordinal_at_ = place.change;
    next_ordinal_ = place.ordinal + 1;
  }
  told_(place, why);
  return {};
}

result<void> decoder::read_begin(message_reader& reader) {
  transaction_begin begin;
  begin.commit = reader.read_lsn();
  begin.committed_at = from_postgres_time(static_cast<std::int64_t>(reader.read_int64()));
  begin.xid = reader.read_int32();
  if (!reader.ok()) return violation("cut short");
  return replay_begin(begin);
}

result<void> decoder::replay_begin(const transaction_begin& begin) {
  if (in_transaction_) return violation("a transaction begins inside another");
  in_transaction_ = true;
  commit_ = begin.commit;
  ordinal_at_ = {};
  next_ordinal_ = 0;
  return sink_->on_begin(begin);
}

result<void> decoder::read_commit(message_reader& reader) {
  transaction_commit commit;
  reader.read_byte();  // flags, unused
  commit.commit = reader.read_lsn();
  commit.end = reader.read_lsn();
  reader.read_int64();  // the commit time, known since the beginning
  if (!reader.ok()) return violation("cut short");
  return replay_commit(commit);
}

result<void> decoder::replay_commit(const transaction_commit& commit) {
  if (!in_transaction_) return violation("a commit outside a transaction");
  if (commit.commit != commit_)
    return violation("the commit is not that of the transaction that began");
  in_transaction_ = false;
  return sink_->on_commit(commit);
}

result<void> decoder::read_relation(message_reader& reader) {
  relation_definition definition;
  definition.oid = reader.read_int32();
  definition.table.schema = reader.read_string();
  definition.table.name = reader.read_string();
  definition.identity = static_cast<replica_identity>(reader.read_byte());
  const std::size_t columns = reader.read_int16();
  for (std::size_t i = 0; i < columns && reader.ok(); ++i) {
    relation_definition::column column;
    column.in_identity = (reader.read_byte() & 1U) != 0;
    column.name = reader.read_string();
    column.type_oid = reader.read_int32();
    column.type_modifier = static_cast<std::int32_t>(reader.read_int32());
    definition.columns.push_back(std::move(column));
  }
  if (!reader.ok()) return violation("cut short");
  switch (definition.identity) {
    case replica_identity::primary_key:
    case replica_identity::nothing:
    case replica_identity::full:
    case replica_identity::index:
      break;
    default:
      return violation("unknown replica identity");
  }
  // The catalog's own schema is sent as an empty name.
  if (definition.table.schema.empty()) definition.table.schema = "pg_catalog";
  described_.insert_or_assign(
      definition.oid, description{definition.oid, definition.table, definition.columns.size()});
  return sink_->on_relation(definition);
}

result<void> decoder::find_described(std::uint32_t relation_oid) {
  table_ = nullptr;
  if (!in_transaction_) return violation("a change outside a transaction");
  const auto described = described_.find(relation_oid);
  if (described == described_.end())
    return violation("table OID " + std::to_string(relation_oid) + " was not described before");
  table_ = &described->second;
  return {};
}

result<row_change> decoder::start_change(message_reader& reader, change_action action) {
  row_change change;
  change.relation_oid = reader.read_int32();
  if (!reader.ok()) return violation("cut short");
  if (auto known = find_described(change.relation_oid); !known) return known.error();
  if (wal_start_ != ordinal_at_) {
    ordinal_at_ = wal_start_;
    next_ordinal_ = 0;
  }
  change.action = action;
  change.at = wal_start_;
  change.ordinal = next_ordinal_++;
  return change;
}

result<tuple_view> decoder::read_tuple(message_reader& reader) {
  auto tuple = tuple_view::parse(reader.rest());
  if (!tuple) return violation(tuple.error().what);
  // A value's place alone says which column it is of.
  if (tuple->column_count() != table_->columns) {
    return violation("a row of " + std::to_string(tuple->column_count()) +
                     " columns, where the table was described with " +
                     std::to_string(table_->columns));
  }
  reader.skip(tuple->bytes().size());
  return tuple;
}

result<void> decoder::read_old_tuple(message_reader& reader, char kind, row_change& change) {
  const auto tuple = read_tuple(reader);
  if (!tuple) return tuple.error();
  change.before = *tuple;
  change.before_kind = kind == 'O' ? old_row_kind::full : old_row_kind::key;
  return {};
}

result<void> decoder::finish_change(const message_reader& reader, const row_change& change) {
  if (!reader.ok()) return violation("cut short");
  if (!reader.rest().empty()) return violation("bytes are left after the row");
  return sink_->on_change(change);
}

result<void> decoder::read_insert(message_reader& reader) {
  auto change = start_change(reader, change_action::create);
  if (!change) return change.error();
  if (reader.read_byte() != 'N') return violation("no new row");
  const auto tuple = read_tuple(reader);
  if (!tuple) return tuple.error();
  change->after = *tuple;
  return finish_change(reader, *change);
}

result<void> decoder::read_update(message_reader& reader) {
  auto change = start_change(reader, change_action::update);
  if (!change) return change.error();
  char kind = static_cast<char>(reader.read_byte());
  if (kind == 'K' || kind == 'O') {
    if (auto old = read_old_tuple(reader, kind, *change); !old) return old.error();
    kind = static_cast<char>(reader.read_byte());
  }
  if (kind != 'N') return violation("no new row");
  const auto tuple = read_tuple(reader);
  if (!tuple) return tuple.error();
  change->after = *tuple;
  return finish_change(reader, *change);
}

result<void> decoder::read_delete(message_reader& reader) {
  auto change = start_change(reader, change_action::remove);
  if (!change) return change.error();
  const char kind = static_cast<char>(reader.read_byte());
  if (kind != 'K' && kind != 'O') return violation("no old row");
  if (auto old = read_old_tuple(reader, kind, *change); !old) return old.error();
  return finish_change(reader, *change);
}

// One record names all tables of a TRUNCATE, cascades included. Each has its OID as its number in
// the record, so that its position does not hang on which of the others are published.
result<void> decoder::read_truncate(message_reader& reader) {
  const std::uint32_t count = reader.read_int32();
  reader.read_byte();  // CASCADE and RESTART IDENTITY: nothing depends on them here
  std::vector<std::uint32_t> tables;
  for (std::uint32_t i = 0; i < count && reader.ok(); ++i) tables.push_back(reader.read_int32());
  if (!reader.ok()) return violation("cut short");
  if (!reader.rest().empty()) return violation("bytes are left after the tables");
  std::ranges::sort(tables);
  for (const auto oid : tables) {
    if (auto known = find_described(oid); !known) return known;
    row_change change;
    change.at = wal_start_;
    change.ordinal = change.relation_oid = oid;
    change.action = change_action::truncate;
    if (auto taken = sink_->on_change(change); !taken) return taken;
  }
  return {};
}

// Flags, LSN, prefix, content (LogicalDecodingMessage). Outside a transaction it says nothing of
// one.
result<void> decoder::read_logical_message(message_reader& reader) {
  const auto flags = reader.read_byte();
  reader.read_lsn();
  const std::string prefix(reader.read_string());
  const auto size = reader.read_int32();
  const auto content = reader.rest();
  if (!reader.ok() || content.size() != size) return violation("cut short");
  if ((flags & 1) == 0 || !in_transaction_) return {};
  return sink_->on_message({wal_start_, prefix, as_text(content)});
}

result<void> decoder::read_stream_start(message_reader& reader) {
  const auto xid = reader.read_int32();
  const bool first = reader.read_byte() == 1;
  if (!reader.ok()) return violation("cut short");
  if (in_transaction_) return violation("a streamed block begins inside a transaction");
  if (streamed_ == nullptr) return violation("a streamed transaction, which was not asked for");
  in_block_ = true;
  block_xid_ = xid;
  return streamed_->on_block_start(xid, first);
}

// Inside a block, what belongs to a transaction names the (sub)transaction before anything else.
result<void> decoder::read_streamed(message_reader& reader) {
  switch (type_) {
    case 'E':
      in_block_ = false;
      return streamed_->on_block_end();
    case 'I':
    case 'U':
    case 'D':
    case 'R':
    case 'T':
    case 'M': {
      streamed_message message;
      message.xid = block_xid_;
      message.subxid = reader.read_int32();
      message.at = wal_start_;
      message.type = type_;
      message.body = reader.rest();
      if (!reader.ok()) return violation("cut short");
      if (type_ == 'M' && !is_for_capture(message.body)) return {};
      return streamed_->on_streamed(message);
    }
    case 'Y':
    case 'O':
      return {};
    default:
      return violation("not expected inside a streamed block");
  }
}

result<void> decoder::read_stream_commit(message_reader& reader) {
  transaction_begin begin;
  transaction_commit commit;
  begin.xid = reader.read_int32();
  reader.read_byte();  // flags, unused
  commit.commit = reader.read_lsn();
  commit.end = reader.read_lsn();
  begin.commit = commit.commit;
  begin.committed_at = from_postgres_time(static_cast<std::int64_t>(reader.read_int64()));
  if (!reader.ok()) return violation("cut short");
  if (in_transaction_) return violation("a streamed transaction commits inside another");
  if (streamed_ == nullptr) return violation("a streamed transaction, which was not asked for");
  return streamed_->on_stream_commit(begin, commit);
}

result<void> decoder::read_stream_abort(message_reader& reader) {
  const auto xid = reader.read_int32();
  const auto subxid = reader.read_int32();
  if (!reader.ok()) return violation("cut short");
  if (streamed_ == nullptr) return violation("a streamed transaction, which was not asked for");
  return streamed_->on_stream_abort(xid, subxid);
}

}  // namespace pulse::pgoutput

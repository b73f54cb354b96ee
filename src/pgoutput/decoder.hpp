// Decodes the output plugin's messages into transaction fragments.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "change/fragment.hpp"
#include "pgoutput/message_reader.hpp"

namespace pulse::pgoutput {

// One change's place in the WAL: that of its position, the timeline apart.
struct change_place {
  lsn commit;
  lsn change;
  std::uint32_t ordinal = 0;

  auto operator<=>(const change_place&) const = default;
};

// pgoutput, protocol versions 1 and 2 (PostgreSQL manual, section 55.9): bytes in, calls on the
// sinks out. No I/O and no SQL, so no answer is newer than the stream. Rows are views into the
// message. One owner; not thread-safe.
// | Messages of transactions in progress go to `streamed` unchanged. When such a transaction
// commits, they come back through replay_*(), and become the same calls on `sink` as if the
// transaction had come whole: the numbers of rows within a WAL record included.
class decoder {
 public:
  // Without `streamed`, a streamed transaction is a violation: none was requested.
  explicit decoder(fragment_sink& sink, streamed_sink* streamed = nullptr)
      : sink_(&sink), streamed_(streamed) {}

  // Decodes one message, with the WAL start from its XLogData frame. errc::protocol names the
  // invalid message, its LSN and its table; errors of the sink are passed on. The sink's
  // errc::unsupported means that it will never take this change: the error then names the table and
  // the way to skip the change, as errc::protocol does. After an error only reset() may follow.
  result<void> decode(lsn wal_start, byte_view message);

  // Replays what decode() handed to the streamed sink: begin, messages in their order, commit.
  result<void> replay_begin(const transaction_begin& begin);
  result<void> replay(lsn at, char type, byte_view body);
  result<void> replay_commit(const transaction_commit& commit);

  // Starts a new connection: no transaction has begun and no table is described. Changes at
  // `passed_over` that fail with errc::protocol or errc::unsupported are skipped from now on, and
  // `told` is called with each. Any other error (no space, the disk, the end of the process) is no
  // change's fault.
  using change_teller = std::function<void(const change_place& place, const error& why)>;
  void reset(std::vector<change_place> passed_over = {}, change_teller told = nullptr);

  struct undecoded_change {
    change_place place;
    // The OID of the row's table. Nothing: unknown, or a TRUNCATE, perhaps of several tables.
    std::optional<std::uint32_t> relation_oid;

    bool operator==(const undecoded_change&) const = default;
  };

  // Returns the change whose error decode() or replay() returned last since reset(), if it can be
  // skipped. Nothing for other errors: without the description of a table, for example, none of its
  // changes can be read.
  const std::optional<undecoded_change>& failed_change() const { return failed_; }
  // Returns the WAL start of the last message.
  lsn last_start() const { return wal_start_; }

 private:
  result<void> dispatch(message_reader& reader);
  result<void> read_begin(message_reader& reader);
  result<void> read_commit(message_reader& reader);
  result<void> read_relation(message_reader& reader);
  result<void> read_change(message_reader& reader);
  result<void> pass_over(const change_place& place, const error& why);
  result<void> read_insert(message_reader& reader);
  result<void> read_update(message_reader& reader);
  result<void> read_delete(message_reader& reader);
  result<void> read_truncate(message_reader& reader);
  result<void> read_logical_message(message_reader& reader);
  result<void> read_stream_start(message_reader& reader);
  result<void> read_streamed(message_reader& reader);
  result<void> read_stream_commit(message_reader& reader);
  result<void> read_stream_abort(message_reader& reader);
  result<void> find_described(std::uint32_t relation_oid);
  result<row_change> start_change(message_reader& reader, change_action action);
  result<tuple_view> read_tuple(message_reader& reader);
  result<void> read_old_tuple(message_reader& reader, char kind, row_change& change);
  result<void> finish_change(const message_reader& reader, const row_change& change);
  error violation(std::string_view what) const;
  std::string how_to_skip() const;

  fragment_sink* sink_;
  streamed_sink* streamed_;
  struct description {
    std::uint32_t oid = 0;
    table_name table;
    std::size_t columns = 0;
  };
  std::unordered_map<std::uint32_t, description> described_;  // by OID
  bool in_transaction_ = false;
  lsn commit_;
  bool in_block_ = false;  // of a streamed transaction
  std::uint32_t block_xid_ = 0;

  // Of the message at hand, for errors.
  char type_ = 0;
  lsn wal_start_;
  const description* table_ = nullptr;
  // Rows of one WAL record share its LSN: a COPY record has many. The number distinguishes them.
  lsn ordinal_at_;
  std::uint32_t next_ordinal_ = 0;

  std::vector<change_place> passed_over_;
  change_teller told_;
  std::optional<undecoded_change> failed_;
};

}  // namespace pulse::pgoutput

// What becomes of a replication connection's messages, and what may be confirmed for them: the part
// of capture that has no I/O.
#pragma once

#include "capture/ingestor.hpp"
#include "capture/streamed_transactions.hpp"
#include <algorithm>
#include <cstddef>

#include "base/bytes.hpp"
#include "change/timelines.hpp"
#include "log/event_log.hpp"
#include "pgoutput/decoder.hpp"
#include "source/confirm_rules.hpp"

namespace pulse::capture {

// One owner: the capture thread. What it is made of outlives it.
class intake {
 public:
  using time_point = source::confirm_rules::time_point;
  using feedback = source::confirm_rules::feedback;

  intake(log::event_log& log, ingestor& ingest, streamed_transactions& streamed,
         pgoutput::decoder& decoder)
      : log_(&log), ingest_(&ingest), streamed_(&streamed), decoder_(&decoder) {}

  // A connection that streams from here, to a server with this history. The parts are ready for it.
  void start(timelines history, lsn from);

  // One CopyData message (PostgreSQL manual, section 55.4). Not while held_up().
  result<void> take(byte_view copy_data);
  // Before another message is taken, the catalog must be read, a transaction that has committed
  // replayed, or room made for one that is open.
  bool held_up() const;
  // About so many bytes of the transaction that has committed go on into the log.
  result<void> replay(std::size_t bytes);

  // The server keeps the connection and its WAL only as far as it is told to.
  bool feedback_due(time_point now) const;
  // The same, whatever has become durable since: to be looked at between two messages.
  bool answer_due(time_point now) const { return rules_.due(lsn{}, now); }
  feedback take_feedback(time_point now);
  // Lets the log's mark follow an idle database, for which no transaction moves it.
  result<void> mark_idle(time_point now);
  lsn received() const { return rules_.received(); }
  // Who starts here does not get again what has come. A message outside of transactions may be
  // beyond what counts as received.
  lsn behind_all() const { return std::max(received(), lsn{decoder_->last_start().value + 1}); }

 private:
  void note_received(lsn end);

  log::event_log* log_;
  ingestor* ingest_;
  streamed_transactions* streamed_;
  pgoutput::decoder* decoder_;
  timelines history_;
  source::confirm_rules rules_{lsn{}};
};

}  // namespace pulse::capture

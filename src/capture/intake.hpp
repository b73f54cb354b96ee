// Handles a replication connection's messages, and decides what may be confirmed for them: the part
// of capture without I/O.
#pragma once

#include <algorithm>
#include <cstddef>

#include "base/bytes.hpp"
#include "capture/ingestor.hpp"
#include "capture/streamed_transactions.hpp"
#include "change/timelines.hpp"
#include "log/event_log.hpp"
#include "pgoutput/decoder.hpp"
#include "source/confirm_rules.hpp"

namespace pulse::capture {

// One owner: the capture thread. Its parts outlive it.
class intake {
 public:
  using time_point = source::confirm_rules::time_point;
  using feedback = source::confirm_rules::feedback;

  intake(log::event_log& log, ingestor& ingest, streamed_transactions& streamed,
         pgoutput::decoder& decoder)
      : log_(&log), ingest_(&ingest), streamed_(&streamed), decoder_(&decoder) {}

  // Starts a connection that streams from here, to a server with this history. The parts are ready
  // for it.
  void start(timelines history, lsn from);

  // Takes one CopyData message (PostgreSQL manual, section 55.4). Not while held_up().
  result<void> take(byte_view copy_data);
  // Before the next message, the catalog must be read, a committed transaction replayed, or room
  // made for one in progress.
  bool held_up() const;
  // Appends about this many bytes of the committed transaction to the log.
  result<void> replay(std::size_t bytes);

  // Returns whether feedback is due: PostgreSQL keeps the connection and its WAL only by feedback.
  bool feedback_due(time_point now) const;
  // The same, without regard to durability: for use between two messages.
  bool answer_due(time_point now) const { return rules_.due(lsn{}, now); }
  feedback take_feedback(time_point now);
  // Moves the durable LSN of an idle database, which no transaction moves.
  result<void> mark_idle(time_point now);
  lsn received() const { return rules_.received(); }
  // A connection that starts here does not receive earlier changes again. A message outside of
  // transactions may be beyond received().
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

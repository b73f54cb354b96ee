// How far capture has come in the database's history, for requests that wait for it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "base/error.hpp"
#include "change/lsn.hpp"
#include "change/position.hpp"

namespace pulse::server {

// Implemented in app/. All calls on the delivery thread; answers too.
class captured_history {
 public:
  captured_history() = default;
  captured_history(const captured_history&) = delete;
  captured_history& operator=(const captured_history&) = delete;
  virtual ~captured_history() = default;

  // The position before which everything that has committed is stored and may be delivered.
  virtual position captured() const = 0;
  virtual bool has_captured(const position& through) const = 0;
  // Of what has been captured through `through`: whether nothing is between the cursor and it. The
  // cursor of a stream that keeps up is at the last event, which may be before `through`.
  virtual bool has_passed(const position& cursor, const position& through) const = 0;
  // Calls `done` once, later, when everything through `through` is captured. The wait ends with the
  // returned handle.
  virtual std::shared_ptr<void> wait(const position& through, std::function<void()> done) = 0;

  // The position after everything that committed before this LSN, in the history that is followed.
  // Nothing: no database has been reached yet.
  virtual std::optional<position> place(lsn at) const = 0;
  // Finds a position after all events of a transaction that has ended, and before those of
  // transactions that have not begun. `xid`: as pg_current_xact_id() returns it, with the epoch.
  // Nothing: the transaction has not ended. errc::unavailable: the database cannot be asked now.
  // One question answers all calls that came before it began.
  using transaction_place = std::optional<position>;
  virtual void find_transaction(std::uint64_t xid,
                                std::function<void(result<transaction_place>)> done) = 0;
};

}  // namespace pulse::server

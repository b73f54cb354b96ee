// Watches what a project's publications send: which changes PostgreSQL may not have sent, since
// when, and until when. No I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "change/position.hpp"
#include "source/published_state.hpp"

namespace pulse::source {

// One look at the database: `before` is read first and `after` last, everything else in one
// snapshot.
struct published_look {
  position before;  // flushed by then: what commits later is behind it
  published_state state;
  bool own = false;  // the publication is the user's: what it leaves out it leaves out on purpose
  present_tables concerned;  // of which it was asked what they are: see published_watch
  present_tables tables;     // the answer
  bool has_all = false;      // it is about all tables that there are
  std::uint64_t xmin = 0;    // every transaction before it has ended (manual, table 9.81)
  std::uint64_t xmax = 0;    // no transaction from it on had begun
  position after;            // what had committed by then is not behind it
};

// Changes that PostgreSQL may not have sent: those of transactions that committed after `after`.
struct publication_loss {
  unsent_changes what;
  position after;
  // PostgreSQL sends the changes again since a moment before which no transaction from this one on
  // had begun. When the earlier transactions have ended, the loss ends. Nothing: it does not send
  // them yet.
  std::optional<std::uint64_t> over_before;
  bool told = false;  // recorded by this run; not remembered: recording it again changes nothing

  bool operator==(const publication_loss&) const = default;
};

// Facts for the next run.
struct published_memory {
  published_state state;
  position at;  // where it was so, for the last time
  std::vector<publication_loss> open;

  bool operator==(const published_memory&) const = default;
};

// One owner; not thread-safe.
class published_watch {
 public:
  // Continues from an earlier run: the first look shows what others did meanwhile.
  void restore(published_memory known) { known_ = std::move(known); }
  // Starts without a comparison and without an open loss: earlier changes are accounted for
  // elsewhere.
  void begin(published_look look);
  bool knows() const { return known_.has_value(); }

  // Returns the tables whose present state see() needs: those whose entries changed, and those of
  // open losses. Empty while nothing is altered.
  present_tables concerned(const published_look& look) const;
  // Returns whether see() needs all tables: the user's own publication was for all, and has a list
  // now.
  bool concerns_all(const published_look& look) const;
  // Returns whether publications themselves changed, whatever tables they list.
  bool altered(const published_look& look) const;

  struct findings {
    std::vector<publication_loss> untold;  // to be recorded before anything else is done
    struct end {
      publication_loss loss;
      position through;
      // The loss that continues from there, of tables that the user's own publication has no more.
      // Call go_on() before the end is recorded.
      std::optional<publication_loss> rest;
    };
    std::vector<end> ended;
    bool memory_changed = false;  // memory() is another one, but for the place
  };
  // Call begin() or restore() before. The next look finds the same again, until told() or ended()
  // reports that it is recorded. `stored`: where the event log ends, now or earlier. PostgreSQL 12
  // to 17 do not send unread changes of a dropped publication either.
  findings see(const published_look& look, const position& stored);
  // Adds a loss from `loss.after` on that is known otherwise; see() returns it until it ends.
  // Returns the open loss for it. No two losses start at one position, because a position has one
  // gap.
  publication_loss lose(publication_loss loss);
  // Returns the rest of an ending loss, as lose() does; the loss stays open until ended() is
  // called.
  publication_loss go_on(const findings::end& end);
  void told(const publication_loss& loss);
  // Ends the loss, unless more was lost since see() found its end; then see() finds and returns it
  // again.
  void ended(const publication_loss& loss);
  // Returns the first position from this one on at which no loss starts.
  position free_place(position from) const;

  bool loses() const { return known_ && !known_->open.empty(); }
  bool loses_every_table_to_a_drop() const;
  const published_memory& memory() const { return *known_; }

 private:
  void follow(publication_loss* loss, const published_look& look, findings* found);
  void end_losses(const published_look& look, findings* found);

  std::optional<published_memory> known_;
};

}  // namespace pulse::source

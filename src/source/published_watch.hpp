// Watches over what a project's publications send: what was perhaps not sent, since when, and until
// when. No I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "change/position.hpp"
#include "source/published_state.hpp"

namespace pulse::source {

// One look at the database: `before` is read first and `after` last, all else in one snapshot.
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

// Changes that were perhaps not sent: those of transactions that committed behind `after`.
struct publication_loss {
  unsent_changes what;
  position after;
  // It is sent again since no transaction from this one on had begun: with the end of those before,
  // the loss ends. Nothing: it is not sent again yet.
  std::optional<std::uint64_t> over_before;
  bool told = false;  // recorded by this run; not remembered: recording it again changes nothing

  bool operator==(const publication_loss&) const = default;
};

// What the next run must know.
struct published_memory {
  published_state state;
  position at;  // where it was so, for the last time
  std::vector<publication_loss> open;

  bool operator==(const published_memory&) const = default;
};

// One owner; not thread-safe.
class published_watch {
 public:
  // From an earlier run: what others did meanwhile shows at the first look.
  void restore(published_memory known) { known_ = std::move(known); }
  // Everything before is accounted for otherwise: nothing is compared with it, and no loss is open.
  void begin(published_look look);
  bool knows() const { return known_.has_value(); }

  // The tables of which see() must know what they are now: those that are not listed as they were,
  // and those of open losses. Empty while nothing is altered.
  present_tables concerned(const published_look& look) const;
  // Whether it must know that of all tables: one's own publication was for all, and now has a list.
  bool concerns_all(const published_look& look) const;
  // Whether publications themselves are other ones than they were, whatever tables they list.
  bool altered(const published_look& look) const;

  struct findings {
    std::vector<publication_loss> untold;  // to be recorded before anything else is done
    struct end {
      publication_loss loss;
      position through;
      // What goes on from there, of tables that one's own publication has no more: go_on() before
      // the end is recorded.
      std::optional<publication_loss> rest;
    };
    std::vector<end> ended;
    bool memory_changed = false;  // memory() is another one, but for the place
  };
  // begin() or restore() was called before. What is found is found again by the next look, until
  // told() or ended() says that it is recorded.
  // `stored`: where what is stored ends, now or earlier. Of a publication that is dropped
  // PostgreSQL 12 to 17 do not send any more what has not been read by then either.
  findings see(const published_look& look, const position& stored);
  // What is known otherwise to be lost from `loss.after` on; found by see() until it ends. Gives
  // the loss that is open for it. No two begin at one place: there is one gap at a place.
  publication_loss lose(publication_loss loss);
  // The rest of what ends, as lose() gives it; what ends stays open until ended() is called.
  publication_loss go_on(const findings::end& end);
  void told(const publication_loss& loss);
  // Unless more has been lost since see() found its end: then it is found again, and told again.
  void ended(const publication_loss& loss);
  // The first place from this one on at which no loss begins.
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

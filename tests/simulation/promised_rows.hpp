// Which rows streams are to get, in which order, and which positions they have where they are
// stored.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "change/event_id.hpp"
#include "change/position.hpp"
#include "tests/simulation/scripted_server.hpp"

namespace pulse::simulation {

// Where capture goes on in a history whose positions would not be behind all that is stored, it
// numbers it anew: from there on the database's rows have other positions. What was stored before
// keeps its own and stays promised, whether the database still has it or not.
class promised_rows {
 public:
  struct row {
    std::string key;
    position at;
    std::size_t numbering = 0;  // the how manieth

    bool operator==(const row&) const = default;
  };
  using in_gap = std::function<bool(const position&)>;

  explicit promised_rows(const scripted_server& server)
      : server_(&server), rows_(fake_database::table_count) {}

  const std::vector<row>& of(std::uint32_t table) const { return rows_[table]; }
  // Where it is in the table's; nothing: it is not promised (any more).
  const std::size_t* place(const std::string& key) const;
  // The position of a row that a promotion has taken out of the history that is captured.
  const position* vanished(const std::string& key) const;

  void committed(const fake_transaction& transaction);
  // The server has another history now than the one that is captured.
  void history_changed();
  bool is_current() const { return is_current_; }

  // What is stored of a history will begin here.
  void will_begin(const position& at) { begins_ = at; }
  const position& begins() const { return begins_; }
  // From now on the server's history is captured, numbered with this base. Rows of before that were
  // lost in a gap, and are there again, are to come now. `stored_last`: the newest stored event.
  // Gives from which place on each table's rows are others.
  std::vector<std::size_t> follow(std::uint32_t base, const in_gap& lost,
                                  const event_id& stored_last);
  bool would_number_anew(std::uint32_t base) const;

  // As positions number it.
  position numbered(lsn place) const;
  std::size_t numbering_of(const event_id& id) const;
  // What the database had up to here when the numbering began was not captured again with it.
  lsn numbering_begins(std::size_t number) const { return numberings_[number].begins; }

 private:
  struct numbering {
    std::uint32_t base = 0;
    lsn begins = {};
    event_id behind = {};  // of events that are numbered so
  };

  void add(const fake_transaction& transaction, bool new_ones_only);
  std::string identity() const { return source::identity_of(server_->identity()); }

  const scripted_server* server_;
  std::vector<std::vector<row>> rows_;  // by table, in the order of their positions
  std::unordered_map<std::string, std::size_t> places_;
  std::unordered_map<std::string, position> vanished_;
  std::vector<numbering> numberings_{1};
  std::string followed_;  // the database; empty: none yet
  position begins_;
  bool is_current_ = true;
};

}  // namespace pulse::simulation

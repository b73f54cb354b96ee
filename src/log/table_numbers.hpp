// Which number a table has in one log, whatever it is called meanwhile.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "base/error.hpp"
#include "change/catalog.hpp"
#include "change/event.hpp"
#include "change/relation.hpp"

namespace pulse::log {

// A table is its OID: under another name it keeps its number. A table that is made under the name
// of one that is gone goes on with that one's number, whatever its OID: dropped and made again,
// restored from a dump, or built beside and renamed into its place; also when it is gone itself
// before a catalog is read that has it. No I/O of its own: what must be
// remembered is handed to `keep` first, and an error of it undoes the step. One owner; not
// thread-safe.
class table_numbers {
 public:
  // The table of this number is this one now. OID 0: not known, as in logs of older versions.
  struct entry {
    table_id table = 0;
    std::uint32_t oid = 0;
    table_name name;
  };
  using keep_entry = std::function<result<void>(const entry&)>;
  using keep_database = std::function<result<void>(const std::string&)>;

  // What was kept before, in its order. False when this cannot come next: numbers are given without
  // gaps, and what is known already is not kept again.
  bool restore(const entry& known);
  // Known from a definition only, as in logs of older versions.
  void restore_oid(std::uint32_t oid, table_id table) { by_oid_.try_emplace(oid, table); }
  void restore_database(const std::string& database);
  // 0: none.
  table_id find(std::uint32_t oid, const table_name& name) const;

  // The number of the table with this OID, which was called so at some time; a new one when there
  // is none.
  result<table_id> number(std::uint32_t oid, const table_name& name, const keep_entry& keep);
  // False: only a newer catalog tells whether number() would go by the right name.
  bool settled(std::uint32_t oid, const table_name& name) const;

  // The database as it is now. Tables that nobody has asked for get no number. In another database
  // OIDs mean nothing: then names are all there is.
  result<void> observe(const catalog& present, const keep_entry& keep, const keep_database& kept);

 private:
  table_id by_oid(std::uint32_t oid) const;
  table_id by_name(const table_name& name) const;
  bool can_come_next(const entry& known) const;
  void set(const entry& known);
  result<void> take(const entry& changed, const keep_entry& keep);

  std::unordered_map<std::uint32_t, table_id> by_oid_;
  std::map<table_name, table_id> by_name_;
  std::unordered_map<table_id, table_name> names_;
  std::unordered_map<std::uint32_t, table_name> present_;
  // Numbered by their names in the stream; no catalog has had them since this was made.
  std::unordered_set<std::uint32_t> never_present_;
  std::string database_;
  table_id last_ = 0;
};

}  // namespace pulse::log

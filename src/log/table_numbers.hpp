// The number of a table in one log, under every name.
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

// An OID identifies a table: under another name it keeps its number. A table that is created under
// the name of a dropped one gets that one's number, whatever its OID: dropped and created again,
// restored from a dump, or built beside and renamed into its place. That holds even if it is
// dropped itself before a catalog with it is read. No I/O of its own: facts to remember go to
// `keep` first, and its error undoes the step. One owner; not thread-safe.
class table_numbers {
 public:
  // This is now the table with this number. OID 0: unknown, as in logs of older versions.
  struct entry {
    table_id table = 0;
    std::uint32_t oid = 0;
    table_name name;
  };
  using keep_entry = std::function<result<void>(const entry&)>;
  using keep_database = std::function<result<void>(const std::string&)>;

  // Restores kept entries, in their order. False if this cannot come next: numbers have no gaps,
  // and a known entry is not kept again.
  bool restore(const entry& known);
  // Known from a definition only, as in logs of older versions.
  void restore_oid(std::uint32_t oid, table_id table) { by_oid_.try_emplace(oid, table); }
  void restore_database(const std::string& database);
  // 0: none.
  table_id find(std::uint32_t oid, const table_name& name) const;

  // Returns the number of the table with this OID, which had this name at some time; a new one if
  // there is none.
  result<table_id> number(std::uint32_t oid, const table_name& name, const keep_entry& keep);
  // False: only a newer catalog tells whether number() would use the right name.
  bool settled(std::uint32_t oid, const table_name& name) const;

  // Observes the present database. Tables that nobody has asked for get no number. In another
  // database OIDs mean nothing, so names identify tables.
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
